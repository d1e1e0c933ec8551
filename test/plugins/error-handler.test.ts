import Fastify from 'fastify';
import t from 'tap';
import { errors } from '../../src/plugins/error-handler.ts';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';
import { exchange, startServer } from '../helpers/server-process.ts';
import { build, signIn, USER1 } from '../helpers/service.ts';

t.test('an unknown address is 404 and a wrong method is 405 with the right ones, in the one shape', async (t) => {
  const app = await build(t);
  const cases = [
    ['GET', '/', 404, 'NOT_FOUND', undefined],
    ['POST', '/nowhere?token=x', 404, 'NOT_FOUND', undefined],
    ['GET', '/welcome/', 404, 'NOT_FOUND', undefined],
    // Addresses that would be patterns in a route.
    ['GET', '/:a(', 404, 'NOT_FOUND', undefined],
    ['GET', '/:a([)', 404, 'NOT_FOUND', undefined],
    ['POST', '/*', 404, 'NOT_FOUND', undefined],
    ['GET', '/signin', 405, 'METHOD_NOT_ALLOWED', 'POST'],
    ['DELETE', '/welcome?x=1', 405, 'METHOD_NOT_ALLOWED', 'GET, HEAD'],
    ['HEAD', '/logout', 405, 'METHOD_NOT_ALLOWED', 'GET, POST'],
    ['OPTIONS', '/refresh', 405, 'METHOD_NOT_ALLOWED', 'POST'],
    ['POST', '/sessions/x', 405, 'METHOD_NOT_ALLOWED', 'DELETE'],
    ['POST', '/sessions/x/y', 404, 'NOT_FOUND', undefined],
  ] as const;
  for (const [method, url, status, code, allow] of cases) {
    const response = await app.inject({ method, url });
    t.equal(response.statusCode, status, `${method} ${url}`);
    t.equal(response.headers.allow, allow);
    if (method !== 'HEAD') {
      t.match(response.json(), { statusCode: status, code });
      t.same(Object.keys(response.json()).sort(), ['code', 'error', 'message', 'statusCode']);
    }
  }
});

t.test('an address that cannot be decoded is 400, with all headers', async (t) => {
  const app = await build(t);
  const response = await app.inject('/welcome/%E0%A4%A');
  t.match(response.json(), { statusCode: 400, code: 'BAD_REQUEST', error: 'Bad Request' });
  t.equal(response.headers['x-content-type-options'], 'nosniff');
  t.equal(response.headers['content-security-policy'], (await app.inject('/')).headers['content-security-policy']);
});

t.test('a path out of the folder of the docs leads nowhere', async (t) => {
  const { port } = await startServer(t);
  for (const path of [
    '/docs/static/../../package.json',
    '/docs/static/..%2f..%2fpackage.json',
    '/docs/../package.json',
  ]) {
    const answer = await exchange(port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    t.match(answer, /^HTTP\/1.1 404 .*"code":"NOT_FOUND"/s, path);
  }
});

t.test('an error that a library throws keeps its side of the fault: ours is 5xx, the client’s is 4xx', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  await app.register(errors);
  app.get<{ Params: { status: string } }>('/:status', async ({ params }) => {
    throw Object.assign(new Error('an internal detail'), params.status && { statusCode: Number(params.status) });
  });
  for (const [status, code] of [
    ['403', 'BAD_REQUEST'],
    ['409', 'BAD_REQUEST'],
    ['414', 'URI_TOO_LONG'],
    ['500', 'INTERNAL_ERROR'],
    ['502', 'INTERNAL_ERROR'],
    ['', 'INTERNAL_ERROR'],
  ] as const) {
    const response = await app.inject(`/${status}`);
    t.match(response.json(), { code, statusCode: response.statusCode }, status);
    t.notMatch(response.body, 'internal detail');
  }
});

t.test('what fails is logged with its cause, what is refused for load with its code (ASVS 16.3.4)', async (t) => {
  const log: string[] = [];
  const sessionStore = new MemorySessionStore({ maxSessions: 1 });
  const app = await build(t, { log, env: { LOG_LEVEL: 'warn' }, sessionStore });
  await signIn(app);
  log.length = 0;
  await app.inject({ method: 'POST', url: '/signin', payload: USER1 });
  sessionStore.close();
  await app.inject({ method: 'POST', url: '/signin', payload: USER1 });
  const [full, failed] = log.map((line) => JSON.parse(line));
  t.match(full, { level: 40, code: 'STORE_FULL', err: undefined });
  t.match(failed, { level: 50, err: { code: 'STORE_UNAVAILABLE', stack: /the session store is closed/ } });
});

t.test('a fault of ours is 500, and only the log knows what it was (ASVS 16.5.1, ASVS 16.5.4)', async (t) => {
  const log: string[] = [];
  const app = await build(t, {
    log,
    env: { LOG_LEVEL: 'error' },
    passwords: Object.assign(new PasswordHasher(), { verify: () => Promise.reject(new Error('a bug')) }),
  });
  const payload = { username: 'user1', password: 'hunter2' };
  const response = await app.inject({ method: 'POST', url: '/signin', payload });
  t.same(response.json(), {
    statusCode: 500,
    code: 'INTERNAL_ERROR',
    error: 'Internal Server Error',
    message: 'Something went wrong on our side.',
  });
  t.equal(log.length, 1);
  t.match(JSON.parse(log[0] ?? ''), { level: 50, err: { message: String, stack: String } });
  t.notMatch(log[0], 'hunter2');
});

t.test('what Node would answer itself gets our shape and headers: no Host, and an unknown Expect', async (t) => {
  const app = await build(t);
  const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }));
  const send = (lines: string) => exchange(Number(port), `GET /livez ${lines}\r\nConnection: close\r\n\r\n`);
  const headers = /^content-security-policy: default-src 'none'/m;
  const withoutHost = await send('HTTP/1.1');
  t.match(withoutHost, /^HTTP\/1.1 400 .*"code":"BAD_REQUEST"/s);
  t.match(withoutHost, headers);
  t.match(await send('HTTP/1.0'), /^HTTP\/1.1 200 /);
  const expecting = await send('HTTP/1.1\r\nHost: x\r\nExpect: x');
  t.match(expecting, /^HTTP\/1.1 200 /);
  t.match(expecting, headers);
});
