import t from 'tap';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';
import { build, cookieOf, fakeClock, signIn, stubStore, USER1, welcome } from '../helpers/service.ts';

// Rule 2 of the design: an error response has no Set-Cookie and ends no session.

t.test('no error response of any route sets a cookie or ends a session', async (t) => {
  const sessionStore = new MemorySessionStore();
  const app = await build(t, { sessionStore });
  const cookie = await signIn(app);
  const stale = await signIn(app);
  const other = await signIn(app);
  await app.inject({ method: 'POST', url: '/refresh', headers: { cookie: stale } });
  const before = sessionStore.size;

  const json = { 'content-type': 'application/json' };
  const refusals = [
    [401, { url: '/welcome' }],
    [401, { url: '/welcome', headers: { cookie: stale } }],
    [401, { url: '/welcome', headers: { cookie: 'session_token=garbage' } }],
    [401, { method: 'POST', url: '/refresh', headers: { cookie: stale } }],
    [401, { method: 'POST', url: '/refresh', headers: { cookie: `${cookie}; ${other}` } }],
    [401, { url: '/logout' }],
    [401, { method: 'POST', url: '/signin', payload: { username: 'user1', password: 'x' }, headers: { cookie } }],
    [400, { method: 'POST', url: '/signin', payload: { username: 1 }, headers: { cookie } }],
    [400, { method: 'POST', url: '/signin', payload: '{', headers: { cookie, ...json } }],
    [400, { method: 'POST', url: '/password', payload: '{', headers: { cookie, ...json } }],
    [403, { method: 'POST', url: '/refresh', headers: { cookie, 'sec-fetch-site': 'cross-site' } }],
    [403, { method: 'POST', url: '/signin', payload: USER1, headers: { cookie, origin: 'null' } }],
    [403, { url: '/logout', headers: { cookie, 'sec-fetch-site': 'same-site' } }],
    [403, { url: '/logout', headers: { cookie, 'sec-purpose': 'prefetch' } }],
    [404, { url: '/logout/', headers: { cookie } }],
    [405, { method: 'DELETE', url: '/logout', headers: { cookie } }],
    [413, { method: 'POST', url: '/logout', payload: 'x'.repeat(20_000), headers: { cookie, ...json } }],
    [415, { method: 'POST', url: '/password', payload: 'x', headers: { cookie, 'content-type': 'text/plain' } }],
  ] as const;
  for (const [status, request] of refusals) {
    const response = await app.inject(request as object);
    const name = JSON.stringify(request).slice(0, 100);
    t.equal(response.statusCode, status, name);
    t.equal(response.headers['set-cookie'], undefined, name);
  }
  t.equal(sessionStore.size, before);
  t.equal(await welcome(app, cookie), 200);
});

t.test('a sign-in that is rejected under load does not change the session of the request', async (t) => {
  const app = await build(t, { passwords: new PasswordHasher({ concurrency: 1, maxWaiting: 3 }) });
  const cookie = await signIn(app);
  const responses = await Promise.all(
    Array.from({ length: 20 }, () =>
      app.inject({
        method: 'POST',
        url: '/signin',
        payload: { username: 'user1', password: 'x' },
        headers: { cookie },
      }),
    ),
  );
  const busy = responses.filter(({ statusCode }) => statusCode === 503);
  t.ok(busy.length > 0);
  for (const response of busy) {
    t.equal(response.json().code, 'SIGN_IN_BUSY');
    t.match(response.headers['retry-after'], /^\d+$/);
    t.equal(response.headers['set-cookie'], undefined);
  }
  t.equal(await welcome(app, cookie), 200);
});

t.test('a sign-in during which the store fails does not change the session of the request', async (t) => {
  const inner = new MemorySessionStore();
  const clock = fakeClock();
  let failing: 'create' | 'find' | 'remove' | undefined;
  const failOn = <A extends unknown[], T>(name: typeof failing, method: (...args: A) => T) => {
    return (...args: A) => {
      if (failing === name) {
        throw new Error('down');
      }
      return method(...args);
    };
  };
  const sessionStore = stubStore(inner, {
    create: failOn('create', (record) => inner.create(record)),
    find: failOn('find', (id) => inner.find(id)),
    remove: failOn('remove', (id) => inner.remove(id)),
  });
  const app = await build(t, { sessionStore, clock });
  const cookie = await signIn(app);
  for (failing of ['create', 'find', 'remove'] as const) {
    const response = await app.inject({
      method: 'POST',
      url: '/signin',
      payload: USER1,
      headers: { cookie },
    });
    t.equal(response.statusCode, 503, failing);
    t.equal(response.headers['set-cookie'], undefined, failing);
  }
  failing = undefined;
  t.equal(await welcome(app, cookie), 200);
});

t.test('two tabs refresh at once: the 401 of the loser does not clear the cookie of the winner', async (t) => {
  const app = await build(t);
  const cookie = await signIn(app);
  const refresh = () => app.inject({ method: 'POST', url: '/refresh', headers: { cookie } });
  const responses = await Promise.all([refresh(), refresh()]);
  const jar = responses.filter(({ headers }) => headers['set-cookie']).map((response) => cookieOf(response));
  t.equal(jar.length, 1);
  t.equal(await welcome(app, jar[0] as string), 200);
});
