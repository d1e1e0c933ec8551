import type { Server } from 'node:http';
import type { FastifyHttpOptions, FastifyReply, FastifyRequest } from 'fastify';
import { answerClientError } from './client-errors.ts';
import { type Config, parseTrustProxy } from './config.ts';
import { loggerOptions, RequestsAtDebug } from './log.ts';
import { answerError } from './plugins/errors.ts';
import { securityHeadersFor } from './plugins/security-headers.ts';

const KIB = 1024;
/** How long a client has to send a request: slow ones cannot hold connections for long. */
const REQUEST_TIMEOUT_MS = 10_000;

/** What the service needs of the Fastify instance that it is registered on. */
export function fastifyOptions(config: Config): FastifyHttpOptions<Server> {
  const https = isHttps(config);
  return {
    logger: loggerOptions(config),
    logController: new RequestsAtDebug(),
    trustProxy: parseTrustProxy(config.TRUST_PROXY),
    bodyLimit: 16 * KIB,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: {
      requestTimeout: REQUEST_TIMEOUT_MS,
      // Node takes the longer of the two for both, and looks every half minute unless it is told to.
      headersTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: 1000,
    },
    // Input is taken as it is sent. Ajv would otherwise make strings of numbers.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    // A request that arrives while the service closes is answered like any other, on its last connection.
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => answerClientError(error, socket, { https }),
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
