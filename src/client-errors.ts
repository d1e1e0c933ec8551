import type { Socket } from 'node:net';
import type { ConnectionError } from 'fastify';
import { BadRequest, type CatalogueError, errorReply, HeadersTooLarge, RequestTimeout } from './errors.ts';
import { type SecurityHeadersOptions, securityHeadersFor } from './plugins/security-headers.ts';

const BY_CODE = new Map<string | undefined, new () => CatalogueError>([
  ['ERR_HTTP_REQUEST_TIMEOUT', RequestTimeout],
  ['HPE_HEADER_OVERFLOW', HeadersTooLarge],
]);

/**
 * Answers what is not HTTP, or not in time, in the shape of every other error and with the same headers, and closes the
 * connection.
 */
export function answerClientError(
  error: ConnectionError,
  socket: Socket,
  options: SecurityHeadersOptions,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const Entry = BY_CODE.get(error.code) ?? BadRequest;
  const reply = errorReply(new Entry());
  const body = JSON.stringify(reply);
  const head = [
    `HTTP/1.1 ${reply.statusCode} ${reply.error}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(securityHeadersFor(options)).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
