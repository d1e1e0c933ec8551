import closeWithGrace, { type Signals } from 'close-with-grace';
import Fastify, { type FastifyInstance } from 'fastify';
import { service } from './app.ts';
import { type Config, ConfigError, loadConfig } from './config.ts';
import { fastifyOptions } from './fastify-options.ts';
import { StoreOpenError } from './stores/engine.ts';

/**
 * After these signals the state of the process is undefined. A JavaScript handler would not run, and the process would
 * not exit (https://nodejs.org/api/process.html#signal-events).
 */
const FATAL_SIGNALS: Signals[] = ['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGSEGV', 'SIGTRAP'];

/** The time that open requests get to complete after SIGTERM or SIGINT. */
const GRACE_MS = 10_000;

// If the reader of the log exits, the service keeps running.
process.stdout.on('error', () => {});

try {
  await start(loadConfig());
} catch (error) {
  console.error(error instanceof ConfigError || error instanceof StoreOpenError ? error.message : error);
  process.exit(1);
}

async function start(config: Config): Promise<void> {
  const app = Fastify(fastifyOptions(config));
  closeOnSignal(app);
  await app.register(service, { config });
  await listen(app, config);
}

async function listen(app: FastifyInstance, { HOST: host, PORT: port }: Config): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(
      code === 'EADDRINUSE'
        ? `Port ${port} on ${host} is in use by another program. Stop that program, or set PORT.`
        : `HOST is "${host}" and PORT is ${port}: this machine cannot listen there (${code}). Example: HOST=localhost`,
      { cause: error },
    );
  }
}

function closeOnSignal(app: FastifyInstance): void {
  closeWithGrace({ delay: GRACE_MS, logger: app.log, skip: FATAL_SIGNALS }, async ({ err, signal }) => {
    if (err) {
      app.log.fatal({ err }, 'stopping after an uncaught error');
    } else {
      app.log.info({ signal }, 'stopping');
    }
    await app.close();
    app.log.info('stopped');
  });
}
