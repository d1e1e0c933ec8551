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
import { canBeResolved } from '../packages.ts';
import { RequestLog } from './request-log.ts';

export interface LogSettings {
  readonly LOG_LEVEL: string;
  readonly LOG_TIME: 'epoch' | 'iso';
}

/** For objects in lines of a request. */
const SERIALIZERS = {
  // No headers, because they hold cookies. The route instead of the URL, because the URL may hold anything.
  req: ({ method, routeOptions, ip }: FastifyRequest) => ({
    method,
    route: routeOptions.url ?? 'none',
    remoteAddress: ip,
  }),
  res: ({ statusCode }: FastifyReply) => ({ statusCode }),
};

/**
 * The options of Fastify for the log. They have no logger: Fastify would make a child logger for each request, and add two
 * listeners to each reply. {@link provideLog} sets the log of the app.
 */
export function logOptions() {
  return {
    logger: false,
    logController: new NoRequestLines(),
    childLoggerFactory(this: FastifyInstance, _log: FastifyBaseLogger, bindings: object, { serializers, ...options }) {
      // Also if the app has a logger of its own: without serializers it would write bodies and cookies.
      return new RequestLog(this.log, bindings, { ...options, serializers: { ...SERIALIZERS, ...serializers } });
    },
  } satisfies FastifyServerOptions;
}

/** Sets the log of an app that was created without one. To have another log, set `app.log` before. */
export function provideLog(app: FastifyInstance, settings: LogSettings): void {
  // Without a logger Fastify uses one that does nothing, and that is its own child.
  if (app.log.child({}) === app.log) {
    rootOf(app).log = pino(pinoOptions(settings), destination());
  }
}

/** The service may be registered in a scope. Lines of the whole app, such as that of its address, come from the root. */
function rootOf(app: FastifyInstance): FastifyInstance {
  return Object.hasOwn(app, 'log') ? app : rootOf(Object.getPrototypeOf(app));
}

/** JSON lines. */
export function pinoOptions({ LOG_LEVEL, LOG_TIME }: LogSettings): LoggerOptions {
  return {
    level: LOG_LEVEL,
    // The default is the Unix time in milliseconds.
    ...(LOG_TIME === 'iso' && { timestamp: () => `,"time":"${new Date().toISOString()}"` }),
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
