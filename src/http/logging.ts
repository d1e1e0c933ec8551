import { createRequire } from 'node:module';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
  LogController,
} from 'fastify';
import { type LoggerOptions, pino } from 'pino';
import type pretty from 'pino-pretty';
import type { Config } from '../config.ts';
import { canBeResolved } from '../packages.ts';
import { RequestLog } from './request-log.ts';

/**
 * The options of Fastify for the log. With a logger among them, Fastify would make a child logger for each request, and add
 * two listeners to each reply. {@link provideLog} sets the log of the app.
 */
export function logOptions() {
  return {
    logger: false,
    logController: new NoRequestLines(),
    childLoggerFactory(this: FastifyInstance, _log: FastifyBaseLogger, bindings: object, options: object) {
      return new RequestLog(this.log, bindings, options);
    },
  } satisfies FastifyServerOptions;
}

/** Sets the log of an app that was created without one. To have another log, set `app.log` before. */
export function provideLog(app: FastifyInstance, config: Config): void {
  // Fastify's stand-in for a logger has no level.
  if (app.log.level === undefined) {
    app.log = pino(pinoOptions(config), destination());
  }
}

/** JSON lines. */
export function pinoOptions({ LOG_LEVEL, LOG_TIME }: Config): LoggerOptions {
  return {
    level: LOG_LEVEL,
    // The default is the Unix time in milliseconds.
    ...(LOG_TIME === 'iso' && { timestamp: () => `,"time":"${new Date().toISOString()}"` }),
    serializers: {
      // No headers, because they hold cookies. The route instead of the URL, because the URL may hold anything.
      req: ({ method, routeOptions, ip }: FastifyRequest) => ({
        method,
        route: routeOptions.url ?? 'none',
        remoteAddress: ip,
      }),
      res: ({ statusCode }: FastifyReply) => ({ statusCode }),
    },
  };
}

/** Readable lines on a terminal with pino-pretty. */
export function destination(): NodeJS.WritableStream {
  return process.stdout.isTTY && canBeResolved('pino-pretty') ? prettyStream() : process.stdout;
}

/** Writes synchronously, like `process.stdout`: a buffered line would be lost when the process ends. */
function prettyStream(): NodeJS.WritableStream {
  const pinoPretty: typeof pretty = createRequire(import.meta.url)('pino-pretty');
  return pinoPretty({ sync: true });
}

/** At info level the log has events only; the access log is the proxy's task. */
class NoRequestLines extends LogController {
  override incomingRequest(): void {}

  override requestCompleted(): void {}
}

/** Logs each request at debug level. At higher levels there is no hook. */
export function logRequestsAtDebug(app: FastifyInstance): void {
  if (app.log.level === 'debug' || app.log.level === 'trace') {
    app.addHook('onResponse', (request, reply, done) => {
      request.log.debug({ req: request, res: reply, responseTime: reply.elapsedTime }, 'request');
      done();
    });
  }
}
