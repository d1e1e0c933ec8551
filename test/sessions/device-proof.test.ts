import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import t from 'tap';
import { isSignedBy, parseProof } from '../../src/sessions/device-proof.ts';
import type { PublicKey } from '../../src/sessions/session.ts';
import { newDevice, toBase64url } from '../helpers/device.ts';

const device = newDevice();
const { x, y } = device.jwk as PublicKey;
const KEY = { x, y };
const HEADER = { alg: 'ES256', typ: 'dbsc+jwt', jwk: device.jwk };
const PAYLOAD = { jti: 'challenge' };

/** Whether the text proves the possession of the key. */
function accepts(text: string, key = KEY): boolean {
  const proof = parseProof(text);
  return proof !== undefined && isSignedBy(proof, key);
}

t.test('a proof has the challenge, and the key if it registers one', async (t) => {
  const text = device.register('challenge');
  t.match(parseProof(text), { challenge: 'challenge', key: KEY });
  t.ok(accepts(text));
  t.ok(accepts(`"${text}"`), 'in quotes, as the draft shows it');
  t.match(parseProof(device.prove('challenge')), { challenge: 'challenge', key: undefined });
  t.ok(
    accepts(device.signJwt(HEADER, { ...PAYLOAD, aud: 'https://login.example.com/refresh', iat: 1 })),
    'more claims',
  );
});

t.test('of a key only its coordinates are taken', async (t) => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = { ...privateKey.export({ format: 'jwk' }), kid: 'x', key_ops: ['sign'] };
  t.same(Object.keys(parseProof(device.register('challenge', { header: { jwk } }))?.key ?? {}), ['x', 'y']);
});

t.test('a JWT of another kind is no proof', async (t) => {
  const headers: Record<string, object> = {
    'no type': { alg: 'ES256' },
    'another type': { ...HEADER, typ: 'JWT' },
    'no algorithm': { typ: 'dbsc+jwt' },
    none: { ...HEADER, alg: 'none' },
    'another algorithm': { ...HEADER, alg: 'RS256' },
    'a symmetric algorithm': { ...HEADER, alg: 'HS256' },
    'a list of algorithms': { ...HEADER, alg: ['ES256'] },
    'a critical extension': { ...HEADER, crit: ['exp'] },
  };
  for (const [title, header] of Object.entries(headers)) {
    t.equal(parseProof(device.signJwt(header, PAYLOAD)), undefined, title);
  }
  for (const payload of [{}, { jti: 1 }, { jti: ['challenge'] }, { jti: null }, [], null, 'challenge', 1]) {
    t.equal(parseProof(device.signJwt(HEADER, payload)), undefined, JSON.stringify(payload));
  }
  for (const header of [null, [], 'ES256', 1]) {
    t.equal(parseProof(device.signJwt(header, PAYLOAD)), undefined, JSON.stringify(header));
  }
});

t.test('a text that is no JWT is no proof', async (t) => {
  const [header, payload, signature] = device.prove('challenge').split('.') as [string, string, string];
  const texts = [
    '',
    '.',
    '..',
    'x',
    `${header}.${payload}`,
    `${header}.${payload}.`,
    `.${payload}.${signature}`,
    `${header}..${signature}`,
    `${header}.${payload}.${signature}.x`,
    `${header}.${payload}.${signature}=`,
    `${header}.${payload}.${signature.slice(1)}`,
    `${header}.${payload}.${signature}x`,
    ` ${header}.${payload}.${signature}`,
    `${header}.${payload}.${signature}, ${header}.${payload}.${signature}`,
    `${toBase64url('{')}.${payload}.${signature}`,
    `${header}.${toBase64url('{"jti":')}.${signature}`,
    `${header}.${toBase64url(Buffer.from([0xff, 0xfe]))}.${signature}`,
    device.signJwt(HEADER, { jti: 'x'.repeat(3000) }),
  ];
  for (const text of texts) {
    t.equal(parseProof(text), undefined, text.slice(0, 40));
  }
});

t.test('a key that is none on P-256 is not taken', async (t) => {
  const { publicKey: p384 } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const { publicKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keys: Record<string, unknown> = {
    'P-384': p384.export({ format: 'jwk' }),
    RSA: rsa.export({ format: 'jwk' }),
    'another curve by name': { ...device.jwk, crv: 'secp256k1' },
    symmetric: { kty: 'oct', k: 'AAAA' },
    'no y': { ...device.jwk, y: undefined },
    'a short x': { ...device.jwk, x: x.slice(1) },
    'x in base64': { ...device.jwk, x: `${x.slice(1)}+` },
    'a list as x': { ...device.jwk, x: [x] },
    null: null,
    text: 'key',
  };
  for (const [title, jwk] of Object.entries(keys)) {
    t.equal(parseProof(device.register('challenge', { header: { jwk } }))?.key, undefined, title);
  }
});

t.test('a proof with another signature is refused', async (t) => {
  const text = device.prove('challenge');
  const [header, payload, signature] = text.split('.') as [string, string, string];
  const other = newDevice().prove('challenge').split('.')[2];
  const { privateKey: p384 } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const withCurve = sign('sha256', Buffer.from(`${header}.${payload}`), { key: p384, dsaEncoding: 'ieee-p1363' });
  const mac = createHmac('sha512', JSON.stringify(device.jwk)).update(`${header}.${payload}`).digest();
  t.ok(accepts(text));
  t.notOk(accepts(text, newDevice().jwk as PublicKey), 'of another key');
  t.notOk(accepts(`${header}.${payload}.${other}`), 'by another key');
  t.notOk(accepts(`${header}.${toBase64url('{"jti":"x"}')}.${signature}`), 'of another payload');
  t.notOk(accepts(`${device.register('challenge').split('.')[0]}.${payload}.${signature}`), 'of another header');
  t.notOk(accepts(`${header}.${payload}.${toBase64url(Buffer.alloc(64))}`), 'of zeros (CVE-2022-21449)');
  t.notOk(accepts(`${header}.${payload}.${toBase64url(withCurve.subarray(0, 64))}`), 'on another curve');
  t.notOk(accepts(`${header}.${payload}.${toBase64url(mac)}`), 'a MAC with the public key');
});

t.test('a point that is not on the curve has signed nothing', async (t) => {
  const zero = toBase64url(Buffer.alloc(32));
  const max = toBase64url(Buffer.alloc(32, 0xff));
  for (const key of [
    { x: zero, y: zero },
    { x: max, y: max },
    { x, y: x },
    { x: zero, y: max },
  ]) {
    t.notOk(accepts(device.prove('challenge'), key));
  }
});
