import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { build, signIn } from '../helpers/service.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

async function signInWith(app: Awaited<ReturnType<typeof build>>, payload: string, headers: Record<string, string>) {
  return app.inject({ method: 'POST', url: '/signin', payload, headers });
}

t.test('JSON and urlencoded forms are read', async (t) => {
  const app = await build(t);
  const form = 'username=user1&password=password1';
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  t.equal((await signInWith(app, form, type)).statusCode, 200);
  const json = '{"username":"user1","password":"password1"}';
  t.equal((await signInWith(app, json, JSON_TYPE)).statusCode, 200);
  t.equal((await signInWith(app, json, { 'content-type': 'application/json; charset=utf-8' })).statusCode, 200);
});

t.test('any other content type is 415', async (t) => {
  const app = await build(t);
  for (const type of ['text/plain', 'application/xml', 'multipart/form-data; boundary=x', 'application/jsonx']) {
    const response = await signInWith(app, '{}', { 'content-type': type });
    t.match(response.json(), { statusCode: 415, code: 'UNSUPPORTED_MEDIA_TYPE' }, type);
  }
});

t.test('what is not JSON, or poisons prototypes, is 400 and is not repeated', async (t) => {
  const app = await build(t);
  const bodies = [
    '{',
    'password=hunter2',
    '{"password":hunter2}',
    '{"__proto__":{}}',
    '{"constructor":{"prototype":{}}}',
  ];
  for (const body of bodies) {
    const response = await signInWith(app, body, JSON_TYPE);
    t.match(response.json(), { statusCode: 400, code: 'BAD_REQUEST' }, body);
    t.notMatch(response.body, 'hunter2');
  }
});

t.test('what is not UTF-8 is not JSON', async (t) => {
  const app = await build(t);
  const payload = Buffer.from('{"username":"user1","password":"password1_"}');
  payload[payload.indexOf('_')] = 0xff;
  const response = await app.inject({ method: 'POST', url: '/signin', payload, headers: JSON_TYPE });
  t.match(response.json(), { statusCode: 400, code: 'BAD_REQUEST' });
});

t.test('a body over 16 KiB is 413, one of 16 KiB is read', async (t) => {
  const app = await build(t);
  const body = JSON.stringify({ username: 'user1', password: 'password1' }).padEnd(16 * 1024, ' ');
  t.equal((await signInWith(app, body, JSON_TYPE)).statusCode, 200);
  const response = await signInWith(app, `${body} `, JSON_TYPE);
  t.match(response.json(), { statusCode: 413, code: 'BODY_TOO_LARGE' });
});

t.test('refresh and logout need no body, and an empty one is none, whatever it is declared to be', async (t) => {
  const app = await build(t);
  const text = { 'content-type': 'text/plain;charset=UTF-8' };
  const chunked = { 'transfer-encoding': 'chunked' };
  const declared = [{}, JSON_TYPE, { ...JSON_TYPE, 'content-length': '0' }, text, chunked, { ...text, ...chunked }];
  for (const headers of declared) {
    for (const url of ['/refresh', '/logout']) {
      const cookie = await signIn(app);
      const response = await app.inject({ method: 'POST', url, headers: { cookie, ...headers } });
      t.equal(response.statusCode, 200, `${url} ${JSON.stringify(headers)}`);
    }
  }
});

const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };

t.test('a form that is not UTF-8 is 400, raw or percent-encoded: different passwords would become equal', async (t) => {
  const app = await build(t);
  const raw = Buffer.from('username=user1&password=password1_');
  raw[raw.length - 1] = 0xf6;
  for (const payload of [raw, 'username=user1&password=%F6', 'username=%C3&password=x', 'us%FFername=user1']) {
    const response = await app.inject({ method: 'POST', url: '/signin', payload, headers: FORM_TYPE });
    t.match(response.json(), { statusCode: 400, code: 'BAD_REQUEST' });
  }
});

t.test(
  'a form is read as the standard says: a byte order mark, plus signs, percent signs, repeated fields',
  async (t) => {
    const app = await build(t);
    const post = async (payload: string) => (await signInWith(app, payload, FORM_TYPE)).json();
    t.match(await post('\ufeffusername=user1&password=password1'), { username: 'user1' });
    t.match(await post('username=user1&password=password%31&__proto__=x'), { username: 'user1' });
    t.match(await post('username=user1&password=100%'), { code: 'SIGN_IN_REFUSED' });
    t.match(await post('username=user1&username=user2&password=password1'), { code: 'INVALID_INPUT' });
    t.match(await post('password=password1'), { code: 'SIGN_IN_REFUSED' });
  },
);

t.test('JSON may begin with a byte order mark', async (t) => {
  const app = await build(t);
  const json = '\ufeff{"username":"user1","password":"password1"}';
  t.equal((await signInWith(app, json, JSON_TYPE)).statusCode, 200);
});

t.test('a client that leaves in the middle of a body of another type is no fault of ours', async (t) => {
  const log: string[] = [];
  const app = await build(t, { log, env: { LOG_LEVEL: 'info' } });
  const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }));
  const socket = connect(Number(port), '127.0.0.1').on('error', () => {});
  const arrived = once(app.server, 'request');
  socket.write('POST /signin HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data\r\nContent-Length: 100\r\n\r\n');
  await arrived;
  socket.destroy();
  const failed = () => log.some((line) => line.includes('input_validation_fail'));
  while (!failed()) {
    await new Promise(setImmediate);
  }
  t.notOk(log.some((line) => JSON.parse(line).level >= 50));
});

t.test('a compressed body is 415', async (t) => {
  const app = await build(t);
  for (const [type, body] of [
    [JSON_TYPE, '{"username":"user1","password":"password1"}'],
    [FORM_TYPE, 'username=user1&password=password1'],
  ] as const) {
    const payload = gzipSync(body);
    const headers = { ...type, 'content-encoding': 'gzip' };
    const response = await app.inject({ method: 'POST', url: '/signin', payload, headers });
    t.match(response.json(), { statusCode: 415, code: 'UNSUPPORTED_MEDIA_TYPE' });
    const plain = await signInWith(app, body, { ...type, 'content-encoding': 'Identity' });
    t.equal(plain.statusCode, 200);
  }
});

t.test('routes that need no body ignore one of any type, as navigator.sendBeacon sends it, up to 16 KiB', async (t) => {
  const app = await build(t);
  const types = ['multipart/form-data; boundary=x', 'text/plain', 'application/json', 'application/octet-stream'];
  for (const type of types) {
    for (const [method, url] of [
      ['POST', '/refresh'],
      ['POST', '/logout'],
      ['DELETE', '/sessions'],
    ] as const) {
      const headers = { cookie: await signIn(app), 'content-type': type };
      const response = await app.inject({ method, url, payload: '--x\r\n{', headers });
      t.equal(response.statusCode, 200, `${method} ${url} ${type}`);
    }
  }
  const headers = { cookie: await signIn(app), 'content-type': 'text/plain' };
  const large = await app.inject({ method: 'POST', url: '/logout', payload: 'x'.repeat(20_000), headers });
  t.equal(large.statusCode, 413);
});
