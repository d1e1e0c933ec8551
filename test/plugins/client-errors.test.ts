import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { ConnectionError } from 'fastify';
import t from 'tap';
import { clientErrorHandler } from '../../src/plugins/error-handler.ts';
import { securityHeadersFor } from '../../src/plugins/security-headers.ts';

const failed = (code: string) => Object.assign(new Error('secret detail'), { code }) as ConnectionError;

t.test(
  'the answer is one of the catalogue, in the shape of every other error, and the last of its connection',
  async (t) => {
    const cases = [
      ['HPE_INVALID_METHOD', '400 Bad Request', 'BAD_REQUEST'],
      ['ERR_HTTP_REQUEST_TIMEOUT', '408 Request Timeout', 'REQUEST_TIMEOUT'],
      ['HPE_HEADER_OVERFLOW', '431 Request Header Fields Too Large', 'HEADERS_TOO_LARGE'],
    ] as const;
    for (const [from, status, code] of cases) {
      const socket = new PassThrough();
      clientErrorHandler(failed(from), socket as unknown as Socket, { https: true });
      const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
      t.match(head, `HTTP/1.1 ${status}\r\nConnection: close\r\n`);
      t.match(head, `Content-Length: ${Buffer.byteLength(body)}\r\n`);
      for (const [name, value] of Object.entries(securityHeadersFor({ https: true }))) {
        t.ok(head.includes(`\r\n${name}: ${value}`), name);
      }
      t.match(JSON.parse(body), { statusCode: Number(status.slice(0, 3)), code });
      t.notMatch(body, 'secret');
    }
  },
);

t.test('who has gone gets no answer', async (t) => {
  const reset = new PassThrough();
  clientErrorHandler(failed('ECONNRESET'), reset as unknown as Socket, { https: false });
  const ended = new PassThrough();
  ended.end();
  clientErrorHandler(failed('HPE_INVALID_METHOD'), ended as unknown as Socket, { https: false });
  for (const socket of [reset, ended]) {
    t.equal(socket.destroyed, true);
    t.equal(socket.readableLength, 0);
  }
});
