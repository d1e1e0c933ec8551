import type { Socket } from 'node:net';
import type { ConnectionError, FastifyInstance } from 'fastify';
import {
  BadRequest,
  errorBody,
  HeadersTooLarge,
  type HttpError,
  type HttpErrorClass,
  RequestTimeout,
} from '../errors.ts';
import { type ReplyHeadersOptions, replyHeadersFor } from './reply-headers.ts';
import { newRequestId } from './request-id.ts';
import { logEvent } from './security-events.ts';

/** Errors of Node's HTTP parser, by code. All others are malformed requests. */
const BY_CODE = new Map<string | undefined, HttpErrorClass>([
  ['ERR_HTTP_REQUEST_TIMEOUT', RequestTimeout],
  ['HPE_HEADER_OVERFLOW', HeadersTooLarge],
]);

/** How long the client may take to close the connection after such an error, in milliseconds. */
const LINGER_MS = 1000;

/**
 * The `clientErrorHandler` of Fastify. It answers what is not HTTP, or does not arrive in time, in the shape of every other
 * error and with the same headers, and closes the connection.
 */
export function clientErrorHandler(
  app: FastifyInstance,
  error: ConnectionError,
  socket: Socket,
  options: ReplyHeadersOptions,
): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) {
    socket.destroy();
  }
  // A client that was answered may still send the rest of its request.
  if (!socket.writable) {
    return;
  }
  const reqId = newRequestId();
  const source = { log: app.log.child({ reqId }), ip: socket.remoteAddress, server: app };
  logEvent(source, 'input_validation_fail', { reason: error.code });
  socket.end(rawReply(new (BY_CODE.get(error.code) ?? BadRequest)(), replyHeadersFor(reqId, options)));
  // Not at once: closing with unread input resets the connection, and the client could lose the reply.
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}

function rawReply(error: HttpError, headers: Readonly<Record<string, string>>): string {
  const reply = errorBody(error);
  const body = JSON.stringify(reply);
  const head = [
    `HTTP/1.1 ${reply.statusCode} ${reply.error}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
