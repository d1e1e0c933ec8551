import type { Server } from 'node:http';
import type { FastifyHttpOptions, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { basePathOf, type Config, isHttps } from './config.ts';
import { clientErrorHandler } from './http/client-errors.ts';
import { logOptions } from './http/logging.ts';
import { replyHeadersFor } from './http/reply-headers.ts';
import { requestIdFrom } from './http/request-id.ts';
import { parseTrustProxy, trustedPeers } from './http/trusted-proxies.ts';
import { errorHandler } from './plugins/error-handler.ts';

const KIB = 1024;
/** How long a client may take to send a request. It limits how long a slow client holds a connection. */
const REQUEST_TIMEOUT_MS = 10_000;

/** A proxy asks with the cookies and the URL of a request that it may have received in several lines of 8 KiB. */
const MAX_HEADER_BYTES = 32 * KIB;
/** How long the start may take: connecting to the store, on a machine that is busy at its own start. */
const START_TIMEOUT_MS = 60_000;

/** The options of the Fastify instance that the service is registered on. */
export function fastifyOptions(config: Config): FastifyHttpOptions<Server> {
  const https = isHttps(config);
  const basePath = basePathOf(config);
  const trustProxy = parseTrustProxy(config.TRUST_PROXY);
  return {
    ...logOptions(),
    ...(basePath && { rewriteUrl: ({ url = '/' }) => withoutBasePath(basePath, url) }),
    pluginTimeout: START_TIMEOUT_MS,
    trustProxy,
    genReqId: requestIdFrom(trustedPeers(trustProxy)),
    bodyLimit: 16 * KIB,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: {
      requestTimeout: REQUEST_TIMEOUT_MS,
      // Node applies the longer of the two to both, and checks connections every 30 seconds by default.
      headersTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: MAX_HEADER_BYTES,
      // Node would answer a request without Host itself. The plugin `errors` does.
      requireHostHeader: false,
    },
    // Input is not converted. By default Ajv turns numbers into strings.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    // A request that arrives while the service closes is answered like any other.
    return503OnClosing: false,
    clientErrorHandler(this: FastifyInstance, error, socket) {
      clientErrorHandler(this, error, socket, { https });
    },
    // No hook runs for these requests.
    frameworkErrors: (error, request, reply) => {
      reply.headers(replyHeadersFor(request.id, { https }));
      errorHandler(error, request as FastifyRequest, reply as FastifyReply);
    },
  };
}

/** A proxy passes the path of a request with the base path, or removes it. */
function withoutBasePath(basePath: string, url: string): string {
  const path = url.slice(basePath.length);
  return url.startsWith(basePath) && /^[/?]|^$/.test(path) ? path.replace(/^(?!\/)/, '/') : url;
}
