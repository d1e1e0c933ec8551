import Fastify from 'fastify';
import { service } from './app.ts';
import { loadConfig } from './config.ts';
import { fastifyOptions } from './fastify-options.ts';

// Prints the OpenAPI document of `/docs/json` without starting a server.
const config = loadConfig();
const app = Fastify({ ...fastifyOptions(config), logger: false });
await app.register(service, { config });
await app.ready();
console.log(JSON.stringify(app.swagger(), null, 2));
await app.close();
