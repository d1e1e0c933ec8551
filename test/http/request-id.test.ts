import t from 'tap';
import { exchange } from '../helpers/server-process.ts';
import { build, signIn } from '../helpers/service.ts';

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

const idOf = (reply: { headers: Record<string, unknown> }) => reply.headers['x-request-id'];

t.test('every reply has an id: success, errors, pages, 404, 405 and a URL that cannot be decoded', async (t) => {
  const app = await build(t);
  const requests = [
    { url: '/livez' },
    { url: '/welcome' },
    { url: '/nowhere' },
    { url: '/welcome', method: 'PUT' },
    { url: '/%zz' },
    { url: '/signin', headers: { accept: 'text/html' } },
    { url: '/signin', method: 'POST', payload: '{', headers: { 'content-type': 'application/json' } },
    { url: '/signin', method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } },
  ] as const;
  const ids = new Set<unknown>();
  for (const request of requests) {
    const reply = await app.inject(request);
    t.match(idOf(reply), UUID, `${request.url} ${reply.statusCode}`);
    ids.add(idOf(reply));
  }
  t.equal(ids.size, requests.length, 'each id is new');
});

t.test('what is no HTTP request is answered with an id as well, and logged with it', async (t) => {
  const log: string[] = [];
  const app = await build(t, { log, env: { LOG_LEVEL: 'info' } });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const text = await exchange(Number(new URL(url).port), 'nonsense\r\n\r\n');
  const [, id] = /^x-request-id: (.*)\r$/m.exec(text) ?? [];
  t.match(id, UUID);
  t.match(JSON.parse(log.at(-1) ?? '{}'), { event: 'input_validation_fail', reqId: id });
});

t.test('the id is in every log line of the request', async (t) => {
  const log: string[] = [];
  const app = await build(t, { log, env: { LOG_LEVEL: 'debug' } });
  log.length = 0;
  const payload = { username: 'user1', password: 'password1' };
  const id = idOf(await app.inject({ method: 'POST', url: '/signin', payload }));
  const lines = log.map((line) => JSON.parse(line));
  t.same(
    lines.map(({ msg }) => msg),
    ['session started', 'signed in', 'request'],
  );
  for (const { reqId } of lines) {
    t.equal(reqId, id);
  }
});

t.test('the id of a trusted proxy is kept', async (t) => {
  const log: string[] = [];
  const app = await build(t, { log, env: { LOG_LEVEL: 'info', TRUST_PROXY: 'loopback' } });
  const ids = ['a', '7f3c', 'Root=1-67891233-abcdef012345678912345678', 'Zm9v/YmFy+==', 'a'.repeat(128), 'x:y.z_1'];
  for (const id of ids) {
    const reply = await app.inject({ url: '/nowhere', headers: { 'x-request-id': id } });
    t.equal(idOf(reply), id);
  }
  await signIn(app, undefined, { 'x-request-id': 'from-the-proxy' });
  t.match(log.at(-1), '"reqId":"from-the-proxy"');
});

t.test('an id that is not plain is replaced', async (t) => {
  const app = await build(t, { env: { TRUST_PROXY: 'loopback' } });
  const ids = ['', 'a b', 'a"b', "a'b", 'a\\b', '{}', 'a,b', 'a;b', '<b>', '\u00e9', 'a'.repeat(129), '%0a'];
  for (const id of ids) {
    t.match(idOf(await app.inject({ url: '/livez', headers: { 'x-request-id': id } })), UUID, id);
  }
  const twice = await app.inject({ url: '/livez', headers: { 'x-request-id': ['a', 'b'] } });
  t.match(idOf(twice), UUID, 'two headers');
});

t.test('an id of any other client is replaced', async (t) => {
  const headers = { 'x-request-id': 'chosen' };
  for (const TRUST_PROXY of ['off', '10.0.0.0/8']) {
    const app = await build(t, { env: { TRUST_PROXY } });
    t.match(idOf(await app.inject({ url: '/livez', headers })), UUID, TRUST_PROXY);
  }
  const app = await build(t, { env: { TRUST_PROXY: '10.0.0.0/8' } });
  const remoteAddress = '10.1.2.3';
  t.equal(idOf(await app.inject({ url: '/livez', headers, remoteAddress })), 'chosen');
});

t.test('a plugin in another app leaves the ids of the app as they are', async (t) => {
  const { default: Fastify } = await import('fastify');
  const { sessions } = await import('../../src/index.ts');
  const app = Fastify({ genReqId: () => 'of-the-app' });
  t.teardown(() => app.close());
  await app.register(sessions);
  app.get('/', async ({ id }) => id);
  const reply = await app.inject('/');
  t.equal(reply.body, 'of-the-app');
  t.equal(idOf(reply), undefined);
});
