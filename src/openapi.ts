import Fastify from 'fastify';
import { service } from './app.ts';
import { loadConfig } from './config.ts';
import { fastifyOptions } from './fastify-options.ts';
import { exitWithStartError } from './start-error.ts';

// Prints the OpenAPI document of `/docs/json` without starting a server.
try {
  // The log would go to standard output as well.
  const config = { ...loadConfig(), LOG_LEVEL: 'silent' as const };
  const app = Fastify(fastifyOptions(config));
  await app.register(service, { config });
  await app.ready();
  console.log(JSON.stringify(app.swagger(), null, 2));
  await app.close();
} catch (error) {
  exitWithStartError(error);
}
