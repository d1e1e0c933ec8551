import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { FastifyError } from 'fastify';

/** A request of any Fastify app: with HTTP/2, with another logger, with a type provider. */
export interface AnyRequest {
  readonly raw: IncomingMessage | Http2ServerRequest;
}

/** A reply of any Fastify app. */
export interface AnyReply {
  readonly raw: ServerResponse | Http2ServerResponse;
}

/** What a hook calls at its end, with the error if it refuses the request. */
export type HookDone = (error?: FastifyError) => void;
