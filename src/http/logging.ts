import { createRequire } from 'node:module';
import { type FastifyReply, type FastifyRequest, type FastifyServerOptions, LogController } from 'fastify';
import type pretty from 'pino-pretty';
import type { Config } from '../config.ts';
import { canBeResolved } from '../packages.ts';

/** The options of Fastify's logger: JSON lines, or readable lines on a terminal with pino-pretty. */
export function loggerOptions({
  LOG_LEVEL,
  LOG_TIME,
}: Config): Exclude<FastifyServerOptions['logger'], boolean | undefined> {
  return {
    level: LOG_LEVEL,
    // The default is the Unix time in milliseconds.
    ...(LOG_TIME === 'iso' && { timestamp: () => `,"time":"${new Date().toISOString()}"` }),
    // No headers, because they hold cookies. The route instead of the URL, because the URL may hold anything.
    serializers: {
      req: ({ method, routeOptions, ip }: FastifyRequest) => ({
        method,
        route: routeOptions.url ?? 'none',
        remoteAddress: ip,
      }),
    },
    stream: process.stdout.isTTY && canBeResolved('pino-pretty') ? prettyStream() : process.stdout,
  };
}

/** Writes synchronously, like `process.stdout`: a buffered line would be lost when the process ends. */
function prettyStream(): NodeJS.WritableStream {
  const pinoPretty: typeof pretty = createRequire(import.meta.url)('pino-pretty');
  return pinoPretty({ sync: true });
}

/** Logs requests at debug level. At info level the log has events only; the access log is the proxy's task. */
export class RequestsAtDebug extends LogController {
  override incomingRequest(): void {
    // The line of the completed request has all fields.
  }

  override requestCompleted(error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    request.log.debug(
      { req: request, res: reply, responseTime: reply.elapsedTime, err: error ?? undefined },
      'request',
    );
  }
}
