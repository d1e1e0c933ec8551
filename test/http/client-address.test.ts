import { EventEmitter } from 'node:events';
import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { canonicalAddress, keepClientAddresses } from '../../src/http/client-address.ts';
import { build } from '../helpers/service.ts';

t.test('an address has one text form', async (t) => {
  t.equal(canonicalAddress('192.0.2.1'), '192.0.2.1');
  t.equal(canonicalAddress('::ffff:192.0.2.1'), '192.0.2.1');
  t.equal(canonicalAddress('2001:DB8:0:0:0:0:0:1'), '2001:db8::1');
  t.equal(canonicalAddress('::1'), '::1');
});

t.test('what is no address is unknown', async (t) => {
  for (const text of [
    undefined,
    '',
    'nowhere',
    '192.0.2.1:',
    '[::1',
    '300.0.0.1:80',
    '<script>',
    '1.2.3.4, 5.6.7.8',
    'a'.repeat(9999),
  ]) {
    t.equal(canonicalAddress(text), 'unknown');
  }
});

t.test('the port that a proxy sends with the address is removed', async (t) => {
  t.equal(canonicalAddress('203.0.113.5:51000'), '203.0.113.5');
  t.equal(canonicalAddress('[2001:db8::1]:443'), '2001:db8::1');
  t.equal(canonicalAddress('[2001:db8::1]'), '2001:db8::1');
});

t.test('clients behind a proxy that sends ports are told apart, and their proxies are trusted', async (t) => {
  const log: string[] = [];
  const app = await build(t, { log, env: { LOG_LEVEL: 'info', TRUST_PROXY: '127.0.0.1, 10.0.0.0/8' } });
  for (const [forwarded, address] of [
    ['203.0.113.5:51000', '203.0.113.5'],
    ['203.0.113.6:51000, 10.0.0.1:443', '203.0.113.6'],
    ['[2001:db8::1]:443', '2001:db8::1'],
  ] as const) {
    const headers = { 'x-forwarded-for': forwarded };
    await app.inject({ method: 'POST', url: '/signin', payload: {}, headers });
    t.match(JSON.parse(log.at(-1) ?? '{}'), { event: 'authn_login_fail', address });
  }
});

t.test('a connection that its client has reset already is closed: its requests would have no address', async (t) => {
  for (const [address, isClosed] of [
    [{ port: 8080 }, true],
    ['/run/a.sock', false],
  ] as const) {
    const server = Object.assign(new EventEmitter(), { address: () => address });
    keepClientAddresses({ server } as unknown as FastifyInstance);
    const socket = {
      remoteAddress: undefined,
      destroyed: false,
      destroy: () => Object.assign(socket, { destroyed: true }),
    };
    server.emit('connection', socket);
    t.equal(socket.destroyed, isClosed, JSON.stringify(address));
  }
});
