import { type FastifyReply, type FastifyRequest, type FastifyServerOptions, LogController } from 'fastify';
import pretty from 'pino-pretty';
import type { Config } from '../config.ts';

/** The options of Fastify's logger: JSON lines, or readable lines on a terminal. */
export function loggerOptions({ LOG_LEVEL }: Config): Exclude<FastifyServerOptions['logger'], boolean | undefined> {
  return {
    level: LOG_LEVEL,
    // No headers, because they hold cookies. The route instead of the URL, because the URL may hold anything.
    serializers: {
      req: ({ method, routeOptions, ip }: FastifyRequest) => ({
        method,
        route: routeOptions.url ?? 'none',
        remoteAddress: ip,
      }),
    },
    // Both write synchronously: a buffered line would be lost when the process ends.
    stream: process.stdout.isTTY ? pretty({ sync: true }) : process.stdout,
  };
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
