import Fastify from 'fastify';
import { service } from './app.ts';
import { loadConfig } from './config.ts';
import { fastifyOptions } from './fastify-options.ts';

// Writes the OpenAPI document of `/docs/json` to standard output, without listening.
const config = loadConfig();
const app = Fastify({ ...fastifyOptions(config), logger: false });
await app.register(service, { config });
await app.ready();
console.log(JSON.stringify(app.swagger(), null, 2));
await app.close();
