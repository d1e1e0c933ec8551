import t from 'tap';
import { parseTrustProxy, trustedPeers } from '../../src/http/trusted-proxies.ts';

t.test('TRUST_PROXY is converted to the option of Fastify', async (t) => {
  t.equal(parseTrustProxy('off'), false);
  t.equal(parseTrustProxy('false'), false);
  t.equal(parseTrustProxy('on'), true);
  t.equal(parseTrustProxy('true'), true);
  const isTrusted = parseTrustProxy('loopback, 10.1.0.0/16') as (address: string, hop: number) => boolean;
  for (const address of ['127.0.0.1', '::1', '10.1.2.3', '10.1.2.3:51000', '[::1]:443']) {
    t.equal(isTrusted(address, 0), true, address);
  }
  for (const address of ['10.2.0.1', '192.0.2.1:80', 'nowhere']) {
    t.equal(isTrusted(address, 0), false, address);
  }
});

t.test('an address in TRUST_PROXY is complete, and no subnet holds every address', async (t) => {
  const allowed = {
    '10.0.0.1': '10.0.0.1',
    '10.1.2.3/8': '10.255.0.1',
    '10.0.0.0/255.255.0.0': '10.0.255.1',
    '2001:db8::1': '2001:db8::1',
    'FD00::/8': 'fd12::1',
    '::ffff:192.0.2.1': '192.0.2.1',
    linklocal: 'fe80::1',
    uniquelocal: '172.31.0.1',
  };
  for (const [text, address] of Object.entries(allowed)) {
    const isTrusted = trustedPeers(parseTrustProxy(text));
    t.equal(isTrusted(address), true, text);
    t.equal(isTrusted('8.0.0.1'), false, text);
  }
  const incomplete = [
    '2',
    '1,2',
    '3/1',
    '10',
    '10.0.0',
    '10.1/16',
    '010.0.0.1',
    '10.0.0.08',
    '0x7f000001',
    '0x7f.0.0.1',
  ];
  const wrongMask = [
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    '10.0.0.0/0377.0.0.0',
    '10.0.0.0/255.0.255.0',
    '10.0.0.0/ffff::',
  ];
  const everything = ['0.0.0.0/0', '::/0', '0.0.0.0/0.0.0.0'];
  for (const text of [
    ...incomplete,
    ...wrongMask,
    ...everything,
    '',
    'nobody',
    'loopback,',
    '::1%',
    '::ffff:010.0.0.1',
  ]) {
    t.throws(() => parseTrustProxy(text), TypeError, text);
    t.throws(() => parseTrustProxy(`loopback, ${text}`), TypeError, text);
  }
});

t.test('the peer of a connection is a trusted proxy if TRUST_PROXY is on or lists its address', async (t) => {
  t.equal(trustedPeers(false)('127.0.0.1'), false);
  t.equal(trustedPeers(true)('192.0.2.1'), true);
  t.equal(trustedPeers(true)(undefined), true, 'a Unix socket');
  t.equal(trustedPeers(parseTrustProxy('loopback'))(undefined), false);
  t.equal(trustedPeers(parseTrustProxy('unix'))(undefined), true);
  t.equal(trustedPeers(parseTrustProxy('unix'))('127.0.0.1'), false);
  t.equal(trustedPeers(parseTrustProxy('10.0.0.1, unix'))('10.0.0.1'), true);
  const isTrusted = trustedPeers(parseTrustProxy('loopback'));
  for (const [address, expected] of [
    ['127.0.0.1', true],
    ['127.0.0.1', true],
    ['192.0.2.1', false],
    ['192.0.2.1', false],
    ['::ffff:127.0.0.1', true],
    [undefined, false],
    ['127.0.0.2', true],
  ] as const) {
    t.equal(isTrusted(address), expected, `${address}`);
  }
});
