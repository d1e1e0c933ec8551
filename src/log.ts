import { type FastifyReply, type FastifyRequest, type FastifyServerOptions, LogController } from 'fastify';
import pretty from 'pino-pretty';
import type { Config } from './config.ts';

/** Pino JSON, or readable lines on a terminal. */
export function loggerOptions({
  LOG_LEVEL,
}: Config): Exclude<FastifyServerOptions['logger'], boolean | undefined> {
  return {
    level: LOG_LEVEL,
    // No headers, which hold cookies, and the route in place of the address, which may hold anything.
    serializers: {
      req: ({ method, routeOptions, ip }: FastifyRequest) => ({
        method,
        route: routeOptions.url ?? 'none',
        remoteAddress: ip,
      }),
    },
    // Both are written at once: a line that waits would be lost with a process that ends.
    stream: process.stdout.isTTY ? pretty({ sync: true }) : process.stdout,
  };
}

/** Request lines at debug level: at info the log tells what happened, and a proxy keeps the access log. */
export class RequestsAtDebug extends LogController {
  override incomingRequest(): void {
    // The completed request says it all.
  }

  override requestCompleted(
    error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    request.log.debug(
      { req: request, res: reply, responseTime: reply.elapsedTime, err: error ?? undefined },
      'request',
    );
  }
}
