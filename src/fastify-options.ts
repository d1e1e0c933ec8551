import type { FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import { answerClientError } from './client-errors.ts';
import { type Config, parseTrustProxy } from './config.ts';
import { loggerOptions, RequestsAtDebug } from './log.ts';
import { answerError } from './plugins/errors.ts';
import { securityHeadersFor } from './plugins/security-headers.ts';

const KIB = 1024;

/** What the service needs of the Fastify instance that it is registered on. */
export function fastifyOptions(config: Config): FastifyServerOptions {
  const https = isHttps(config);
  return {
    logger: loggerOptions(config),
    logController: new RequestsAtDebug(),
    trustProxy: parseTrustProxy(config.TRUST_PROXY),
    bodyLimit: 16 * KIB,
    // A client has ten seconds to send a request: slow ones cannot hold connections for long.
    requestTimeout: 10_000,
    // Input is taken as it is sent. Ajv would otherwise make strings of numbers.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    // A request that arrives while the service closes is answered like any other, on its last connection.
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) =>
      answerError(
        error,
        request as FastifyRequest,
        reply.headers(securityHeadersFor({ https })) as FastifyReply,
      ),
  };
}

/** Whether browsers reach the service over HTTPS. */
export function isHttps({ PUBLIC_URL }: Config): boolean {
  return PUBLIC_URL.startsWith('https:');
}
