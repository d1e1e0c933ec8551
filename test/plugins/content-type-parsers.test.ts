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
