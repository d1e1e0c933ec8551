import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Signals } from 'close-with-grace';
import Fastify, { type FastifyInstance } from 'fastify';
import { service } from './app.ts';
import { packagesFor } from './app-options.ts';
import { type Config, loadConfig } from './config.ts';
import { ENV_FILE } from './config-files.ts';
import { fastifyOptions } from './fastify-options.ts';
import { provideLog } from './http/logging.ts';
import { listen } from './listen.ts';
import { listenForMetrics } from './metrics/listener.ts';
import { requirePackages } from './packages.ts';
import { exitWithStartError } from './start-error.ts';

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
  exitWithStartError(error);
}

async function start(config: Config): Promise<void> {
  requirePackages('The service', ['close-with-grace', ...packagesFor(config)]);
  const app = Fastify(fastifyOptions(config));
  provideLog(app, config);
  if (existsSync(ENV_FILE)) {
    app.log.info({ file: resolve(ENV_FILE) }, 'settings were read from this file and from the environment');
  }
  await closeOnSignal(app, config);
  await app.register(service, { config });
  await listenForMetrics(app, config);
  await listen(app, config);
}

/**
 * SIGTERM, which service managers send, first lets proxies choose another instance. SIGINT, Ctrl+C, stops at once.
 * A second signal ends the process without waiting.
 */
async function closeOnSignal(app: FastifyInstance, { DRAIN_SECONDS }: Config): Promise<void> {
  const { default: closeWithGrace } = await import('close-with-grace');
  const delay = DRAIN_SECONDS * 1000 + GRACE_MS;
  closeWithGrace({ delay, logger: app.log, skip: FATAL_SIGNALS }, async ({ err, signal }) => {
    if (err) {
      app.log.fatal({ err }, 'stopping after an uncaught error');
    } else {
      app.log.info({ signal }, 'stopping');
    }
    // During the start there is nothing to drain.
    if (signal === 'SIGTERM' && DRAIN_SECONDS > 0 && app.server.listening) {
      app.drain();
      await sleep(DRAIN_SECONDS * 1000);
    }
    await app.close();
    app.log.info('stopped');
  });
}
