import t from 'tap';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { build, cookieOf, signIn, stubStore, USER1 } from '../helpers/service.ts';

// Rule 1 of the design: a token appears in Set-Cookie and nowhere else: in no body, log line, error or store.
// Passwords appear nowhere at all.

t.test('not in a body, another header or a log line, whatever happens to the request (ASVS 3.3.4)', async (t) => {
  const log: string[] = [];
  const replies: string[] = [];
  const written: unknown[] = [];
  const inner = new MemorySessionStore();
  let down = false;
  const spy = <A extends unknown[], T>(method: (...args: A) => T) => {
    return (...args: A) => {
      written.push(args);
      if (down) {
        throw new Error('down');
      }
      return method(...args);
    };
  };
  const sessionStore = stubStore(inner, {
    create: spy((record) => inner.create(record)),
    find: spy((id) => inner.find(id)),
    replace: spy((next, hash) => inner.replace(next, hash)),
    remove: spy((id) => inner.remove(id)),
  });
  const app = await build(t, { log, env: { LOG_LEVEL: 'trace' }, sessionStore });
  const secrets = new Set<string>([USER1.password, 'wrong horse']);

  async function send(request: object) {
    const response = await app.inject(request);
    const { 'set-cookie': cookie, ...headers } = response.headers;
    if (String(cookie).includes('.')) {
      secrets.add(cookieOf(response).slice('session_token='.length).split('.')[1] ?? '');
    }
    replies.push(JSON.stringify(headers), response.body);
    return response;
  }

  async function everyRoute(cookie: string) {
    const headers = { cookie };
    await send({ url: '/welcome', headers });
    await send({ url: `/welcome?${cookie}`, headers: { cookie: `${cookie}; ${cookie}` } });
    await send({ url: `/${cookie}`, headers });
    await send({ url: '/%zz', headers });
    await send({ method: 'POST', url: '/refresh', headers: { ...headers, origin: 'null' } });
    await send({
      method: 'POST',
      url: '/signin',
      headers,
      payload: { username: 'user1', password: 'wrong horse' },
    });
    await send({
      method: 'POST',
      url: '/signin',
      headers,
      payload: { username: 'wrong horse', password: 1 },
    });
    await send({ method: 'POST', url: '/signin', headers, payload: '{"password":"wrong horse"' });
    const json = { ...headers, 'content-type': 'application/json' };
    await send({ method: 'POST', url: '/signin', headers: json, payload: '{"password":"wrong horse"' });
  }

  const first = cookieOf(await send({ method: 'POST', url: '/signin', payload: USER1 }));
  await everyRoute(first);
  const second = cookieOf(await send({ method: 'POST', url: '/refresh', headers: { cookie: first } }));
  await everyRoute(first);
  down = true;
  await everyRoute(second);
  await send({ method: 'POST', url: '/signin', payload: USER1 });
  await send({ method: 'POST', url: '/refresh', headers: { cookie: second } });
  await send({ url: '/logout', headers: { cookie: second } });
  down = false;
  await send({ url: '/logout', headers: { cookie: second } });

  t.equal(secrets.size, 4, 'two tokens and two passwords');
  t.ok(log.length > 30);
  for (const secret of secrets) {
    t.notMatch(replies.join('\n'), secret);
    t.notMatch(log.join('\n'), secret);
    t.notMatch(JSON.stringify(written), secret);
  }
});

t.test('a token of one session’s id and another’s secret is 401', async (t) => {
  const app = await build(t);
  const [mine, theirs] = [await signIn(app), await signIn(app)];
  const mixed = `${theirs.split('.')[0]}.${mine.split('.')[1]}`;
  t.equal((await app.inject({ url: '/welcome', headers: { cookie: mixed } })).statusCode, 401);
});
