import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { ConnectionError } from 'fastify';
import t from 'tap';
import { clientErrorHandler } from '../../src/http/client-errors.ts';
import { replyHeadersFor } from '../../src/http/reply-headers.ts';
import { build } from '../helpers/service.ts';

const failed = (code: string) => Object.assign(new Error('secret detail'), { code }) as ConnectionError;

t.test(
  'the answer is one of the catalogue, in the shape of every other error, and the last of its connection',
  async (t) => {
    const cases = [
      ['HPE_INVALID_METHOD', '400 Bad Request', 'BAD_REQUEST'],
      ['ERR_HTTP_REQUEST_TIMEOUT', '408 Request Timeout', 'REQUEST_TIMEOUT'],
      ['HPE_HEADER_OVERFLOW', '431 Request Header Fields Too Large', 'HEADERS_TOO_LARGE'],
    ] as const;
    const log: string[] = [];
    const app = await build(t, { log, env: { LOG_LEVEL: 'warn', DEMO_USERS: 'on' } });
    log.length = 0;
    for (const [from, status, code] of cases) {
      const socket = new PassThrough();
      clientErrorHandler(app, failed(from), socket as unknown as Socket, { https: true });
      const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
      t.match(head, `HTTP/1.1 ${status}\r\nConnection: close\r\n`);
      t.match(head, `Content-Length: ${Buffer.byteLength(body)}\r\n`);
      for (const [name, value] of Object.entries(replyHeadersFor('', { https: true }))) {
        t.ok(head.includes(`\r\n${name}: ${value}`), name);
      }
      t.match(JSON.parse(body), { statusCode: Number(status.slice(0, 3)), code });
      t.notMatch(body, 'secret');
    }
    t.same(
      log.map((line) => JSON.parse(line)).map(({ event, reason }) => `${event} ${reason}`),
      cases.map(([from]) => `input_validation_fail ${from}`),
    );
  },
);

t.test('a client that has gone gets no answer, and one that was answered no second one', async (t) => {
  const app = await build(t);
  const reset = new PassThrough();
  clientErrorHandler(app, failed('ECONNRESET'), reset as unknown as Socket, { https: false });
  t.equal(reset.destroyed, true);
  const answered = new PassThrough();
  clientErrorHandler(app, failed('HPE_INVALID_METHOD'), answered as unknown as Socket, { https: false });
  const { readableLength } = answered;
  clientErrorHandler(app, failed('HPE_INVALID_METHOD'), answered as unknown as Socket, { https: false });
  t.equal(answered.readableLength, readableLength);
  t.equal(answered.destroyed, false, 'it has a moment to read the answer');
});
