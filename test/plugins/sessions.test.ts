import cookie from '@fastify/cookie';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import t, { type Test } from 'tap';
import { requireSession, type SessionsOptions, sessions } from '../../src/index.ts';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { cookieOf, fakeClock, setCookies, spyStore, stubStore } from '../helpers/service.ts';

/** An app of somebody else's, with the sessions plugin and routes of its own. */
async function bareApp(
  t: Test,
  options: SessionsOptions = {},
  prepare = async (_app: ReturnType<typeof Fastify>) => {},
) {
  const app = Fastify();
  t.teardown(() => app.close());
  await prepare(app);
  await app.register(sessions, options);
  app.post<{ Params: { name: string } }>('/enter/:name', async (request, reply) =>
    reply.startSession({ userId: request.params.name, username: request.params.name }),
  );
  app.post('/renew', async (_request, reply) => reply.refreshSession());
  app.post('/leave', async (_request, reply) => {
    await reply.signOut();
    return 'bye';
  });
  app.register(async (inside) => {
    inside.addHook('preHandler', inside.requireSession);
    inside.get('/me', async (request) => request.session.username.toUpperCase());
    inside.get('/whole', async (request) => request.session);
  });
  app.get('/unguarded', async (request) => request.session.username);
  return app;
}

t.test('on a bare app it signs in, guards, refreshes and signs out', async (t) => {
  const app = await bareApp(t);
  const entered = await app.inject({ method: 'POST', url: '/enter/ann' });
  const first = cookieOf(entered);
  t.equal((await app.inject({ url: '/me', headers: { cookie: first } })).body, 'ANN');

  const second = cookieOf(await app.inject({ method: 'POST', url: '/renew', headers: { cookie: first } }));
  t.equal((await app.inject({ url: '/me', headers: { cookie: first } })).statusCode, 401);
  t.equal((await app.inject({ url: '/me', headers: { cookie: second } })).body, 'ANN');

  const left = await app.inject({ method: 'POST', url: '/leave', headers: { cookie: second } });
  t.equal(left.body, 'bye');
  t.equal((await app.inject({ url: '/me', headers: { cookie: second } })).statusCode, 401);
});

t.test('what it refuses has the shape of the app’s own errors, and may not be cached', async (t) => {
  const app = await bareApp(t);
  const requests = [{ url: '/me' }, { method: 'POST', url: '/renew' }, { method: 'POST', url: '/leave' }] as const;
  for (const request of requests) {
    const response = await app.inject(request);
    t.equal(response.statusCode, 401);
    t.equal(response.headers['cache-control'], 'no-store');
    t.same(response.json(), {
      statusCode: 401,
      code: 'NOT_SIGNED_IN',
      error: 'Unauthorized',
      message: 'Sign in first.',
    });
  }
});

t.test('the session that a handler gets holds no secret', async (t) => {
  const clock = fakeClock();
  const app = await bareApp(t, { clock });
  const token = cookieOf(await app.inject({ method: 'POST', url: '/enter/ann' }));
  const { body } = await app.inject({ url: '/whole', headers: { cookie: token } });
  t.same(JSON.parse(body), {
    id: token.slice('session_token='.length).split('.')[0],
    namespace: 'session_token',
    userId: 'ann',
    username: 'ann',
    createdAt: clock(),
    authenticatedAt: clock(),
    expiresAt: clock() + 120_000,
    endsAt: clock() + 43_200_000,
    bound: false,
    address: '127.0.0.1',
    device: 'lightMyRequest',
    data: {},
  });
});

t.test('reading the session without the guard is a mistake that shows at once', async (t) => {
  const app = await bareApp(t);
  const response = await app.inject('/unguarded');
  t.equal(response.statusCode, 500);
  t.match(response.json().message, 'requireSession');
});

t.test('store, lifetimes, cookie and clock are the app’s to choose', async (t) => {
  const clock = fakeClock();
  const store = new MemorySessionStore({ clock });
  const app = await bareApp(t, {
    store,
    clock,
    idleSeconds: 10,
    maxSeconds: 15,
    cookie: { name: 'sid', secure: true },
  });
  t.equal(app.sessionStore, store);
  t.equal(app.sessionCookieName, '__Host-sid');
  const entered = await app.inject({ method: 'POST', url: '/enter/ann' });
  t.match(entered.headers['set-cookie'], /^__Host-sid=.*; Max-Age=10; Path=\/; .*; HttpOnly; Secure; SameSite=Lax$/);
  t.equal(store.size, 1);

  clock.advance(9_999);
  const renewed = await app.inject({
    method: 'POST',
    url: '/renew',
    headers: { cookie: cookieOf(entered, 'sid') },
  });
  t.match(renewed.headers['set-cookie'], 'Max-Age=6;', 'the rest until the absolute deadline, rounded up');
  clock.advance(5_001);
  t.equal((await app.inject({ url: '/me', headers: { cookie: cookieOf(renewed, 'sid') } })).statusCode, 401);

  await app.close();
  t.equal(store.size, 1, 'a store that was handed in is not closed');
  store.close();
});

t.test('a store of its own is closed with the app', async (t) => {
  const app = await bareApp(t);
  await app.close();
  t.throws(() => app.sessionStore.find('id'), { message: 'the session store is closed' });
});

t.test('what the app wants of its own cookies is not done to ours', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  await app.register(cookie, {
    secret: 'a secret',
    parseOptions: {
      signed: true,
      domain: 'example.com',
      partitioned: true,
      encode: () => 'x',
      secure: 'auto',
    },
  });
  await app.register(sessions, { cookie: { secure: true } });
  app.post('/enter', async (_request, reply) => reply.startSession({ userId: 'ann', username: 'ann' }));
  app.get('/me', { preHandler: app.requireSession }, async (request) => request.session.username);
  const entered = await app.inject({ method: 'POST', url: '/enter' });
  t.match(
    entered.headers['set-cookie'],
    /^__Host-session_token=[\w-]{22}\.[\w-]{43}; Max-Age=120; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/,
  );
  t.equal((await app.inject({ url: '/me', headers: { cookie: cookieOf(entered) } })).body, 'ann');
});

t.test('it gets along with a @fastify/cookie that is there already, and with other cookies', async (t) => {
  const app = await bareApp(t, {}, async (app) => {
    await app.register(cookie, { secret: 'a secret that signs the cookies of the app' });
    app.addHook('onSend', async (_request: unknown, reply: FastifyReply) => {
      reply.setCookie('theme', 'dark');
    });
  });
  const { headers } = await app.inject({ method: 'POST', url: '/enter/ann' });
  const [theme, session] = [headers['set-cookie']].flat().sort((a = '', b = '') => b.localeCompare(a));
  t.match(theme, /^theme=dark/);
  t.match(session, /^session_token=[\w-]{22}\.[\w-]{43};/, 'unsigned: it holds nothing that a signature could protect');
});

t.test('cookies are written by the @fastify/cookie of the app, whichever copy of it that is', async (t) => {
  const app = await bareApp(t, {}, async (app) => {
    const anotherCopy = async (app: FastifyInstance) => {
      app.decorate('serializeCookie', (name: string, value: string) => `${name}=${value}; Written=by-the-copy`);
    };
    await app.register(fp(anotherCopy, { name: '@fastify/cookie' }));
  });
  const { headers } = await app.inject({ method: 'POST', url: '/enter/ann' });
  t.match(headers['set-cookie'], /^session_token=[\w-]{22}\.[\w-]{43}; Written=by-the-copy$/);
});

t.test('the app may bring in @fastify/cookie later, with its own options', async (t) => {
  const app = await bareApp(t);
  await app.register(cookie, { secret: 'a secret that signs the cookies of the app' });
  app.get('/theme', async (request, reply) => {
    reply.setCookie('theme', 'dark', { signed: true });
    return request.cookies;
  });
  const entered = await app.inject({ method: 'POST', url: '/enter/ann' });
  const theme = await app.inject({ url: '/theme', headers: { cookie: cookieOf(entered) } });
  t.match(theme.headers['set-cookie'], /^theme=dark\.[^;]{20,}/, 'signed');
  t.match(theme.json(), { session_token: String }, 'read by the hook of its own');
  t.equal((await app.inject({ url: '/me', headers: { cookie: cookieOf(entered) } })).body, 'ANN');
});

t.test('a handler may ask for a session, and for a fresh one, by itself', async (t) => {
  const clock = fakeClock();
  const app = await bareApp(t, { clock, idleSeconds: 3600, freshSeconds: 60 });
  app.get('/asks', async (request, reply) => {
    await app.requireSession(request, reply);
    return request.session.username;
  });
  app.get('/pays', async (request, reply) => {
    await app.requireRecentSignIn(request, reply);
    return 'paid';
  });
  app.get('/greets', (request, reply) =>
    app.requireSession(request, reply).then(
      () => `hello, ${request.session.username}`,
      () => 'hello, guest',
    ),
  );
  const cookie = cookieOf(await app.inject({ method: 'POST', url: '/enter/ann' }));
  const ask = (url: string, headers = {}) => app.inject({ url, headers });
  t.equal((await ask('/asks', { cookie })).body, 'ann');
  t.equal((await ask('/asks')).statusCode, 401);
  t.equal((await ask('/greets', { cookie })).body, 'hello, ann');
  t.equal((await ask('/greets')).body, 'hello, guest', 'a refusal is a rejection, also where it is known at once');
  t.equal((await ask('/pays', { cookie })).body, 'paid');
  clock.advance(60_000);
  t.equal((await ask('/pays', { cookie })).statusCode, 403);
  t.equal((await ask('/asks', { cookie })).body, 'ann');
});

t.test('options that make no sense stop the start', async (t) => {
  const wrong: SessionsOptions[] = [
    { idleSeconds: 0 },
    { maxSeconds: -1 },
    { storeTimeoutMs: Number.NaN },
    { storeTimeoutMs: 3e9 },
    { idleSeconds: 1e300 },
    { maxSeconds: Number.POSITIVE_INFINITY },
    { cookie: { name: 'no spaces' } },
    { cookie: { name: '' } },
    { cookie: { name: '__Host-sid' } },
    { cookie: { name: '__secure-sid' } },
    { cookie: { name: 'ä' } },
    { cookie: { domain: 'localhost' } },
    { cookie: { domain: 'example.com; Secure' } },
    { cookie: { nam: 'sid' } as object },
    { idleSeconds: null as never },
    { maxPerUser: 1.5 },
    { clock: 5 as never },
    { store: {} as never },
  ];
  for (const options of wrong) {
    await t.rejects(async () => Fastify().register(sessions, options).ready(), /^sessions: \w+ is .*: it must be/);
  }
  const unknown = { idleSecond: 60 } as SessionsOptions;
  await t.rejects(async () => Fastify().register(sessions, unknown).ready(), {
    message: /^sessions: the option idleSecond does not exist\. The options are store, storeTimeoutMs, idleSeconds/,
  });
  await Fastify().register(sessions, { prefix: '/auth', logLevel: 'warn' }).ready();
});

t.test('sessions start and end in the log with their ids, and a refusal gives its reason at debug level', async (t) => {
  const lines: string[] = [];
  const app = Fastify({
    logger: { level: 'debug', stream: { write: (line: string) => lines.push(line) } },
  });
  t.teardown(() => app.close());
  await app.register(sessions);
  app.post('/enter', async (_request, reply) => reply.startSession({ userId: 'ann', username: 'ann' }));
  app.post('/leave', async (_request, reply) => reply.signOut().then(() => 'bye'));
  app.get('/me', { preHandler: app.requireSession }, async () => 'me');
  const headers = { cookie: cookieOf(await app.inject({ method: 'POST', url: '/enter' })) };
  await app.inject({ method: 'POST', url: '/leave', headers });
  await app.inject({ url: '/me', headers });
  await app.inject({ url: '/me' });
  const sessionId = headers.cookie.slice('session_token='.length).split('.')[0];
  const told = lines.map((line) => JSON.parse(line)).filter(({ msg }) => /session/.test(msg));
  t.match(told, [
    { level: 30, msg: 'session started', sessionId, username: 'ann' },
    { level: 30, msg: 'session ended', sessionId, username: 'ann' },
    { level: 30, event: 'session_use_after_expire', reason: 'unknown session', sessionId },
    { level: 20, msg: 'session refused', reason: 'no session cookie' },
  ]);
});

t.test('a route of the app’s own can ask for a sign-in not long ago (ASVS 7.5.3)', async (t) => {
  const clock = fakeClock();
  const app = Fastify();
  t.teardown(() => app.close());
  await app.register(sessions, { clock, freshSeconds: 60 });
  app.post('/enter', async (_request, reply) => reply.startSession({ userId: 'ann', username: 'ann' }));
  app.post('/renew', async (_request, reply) => reply.refreshSession());
  app.post('/transfer', { preHandler: app.requireRecentSignIn }, async ({ session }) => session.username);
  const transfer = (cookie?: string) =>
    app.inject({ method: 'POST', url: '/transfer', headers: cookie === undefined ? {} : { cookie } });
  const cookie = cookieOf(await app.inject({ method: 'POST', url: '/enter' }));
  clock.advance(59_999);
  t.equal((await transfer(cookie)).body, 'ann');
  const renewed = cookieOf(await app.inject({ method: 'POST', url: '/renew', headers: { cookie } }));
  clock.advance(1);
  t.match((await transfer(renewed)).json(), { statusCode: 403, code: 'SIGN_IN_AGAIN' });
  t.equal((await transfer()).statusCode, 401);
});

t.test('a sign-in that fails after its session was created leaves no session and no cookie', async (t) => {
  const store = new MemorySessionStore();
  t.teardown(() => store.close());
  const failing = stubStore(store, { listByUser: () => Promise.reject(new Error('down')) });
  const app = await bareApp(t, { store: failing });
  const response = await app.inject({ method: 'POST', url: '/enter/ann' });
  t.equal(response.statusCode, 503);
  t.equal(response.headers['set-cookie'], undefined);
  t.equal(store.size, 0);
});

for (const kind of ['at once', 'later'] as const) {
  t.test(`a hook may pass its \`done\` to a guard whose store answers ${kind}`, async (t) => {
    const inner = new MemorySessionStore();
    t.teardown(() => inner.close());
    const find = kind === 'at once' ? inner.find.bind(inner) : async (id: string) => inner.find(id);
    const app = await bareApp(t, { store: stubStore(inner, { find }) });
    await app.register(async (scope) => {
      scope.addHook('preHandler', (request, reply, done) => {
        app.requireSession(request, reply, done);
      });
      scope.get('/hooked', async (request) => request.session.username);
    });
    const cookie = cookieOf(await app.inject({ method: 'POST', url: '/enter/ann' }));
    t.equal((await app.inject({ url: '/hooked', headers: { cookie } })).body, 'ann');
    t.equal((await app.inject('/hooked')).statusCode, 401);
    const unknown = `session_token=${'a'.repeat(22)}.${'b'.repeat(43)}`;
    t.equal((await app.inject({ url: '/hooked', headers: { cookie: unknown } })).statusCode, 401);
  });
}

t.test('the session of a request is frozen, whatever the store returns', async (t) => {
  const inner = new MemorySessionStore();
  t.teardown(() => inner.close());
  const find = (id: string) => structuredClone(inner.find(id));
  const app = await bareApp(t, { store: stubStore(inner, { find }) });
  app.get('/frozen', { preHandler: app.requireSession }, async ({ session }) => Object.isFrozen(session));
  const cookie = cookieOf(await app.inject({ method: 'POST', url: '/enter/ann' }));
  t.equal((await app.inject({ url: '/frozen', headers: { cookie } })).body, 'true');
});

t.test('a new token is not cached, whatever the handler has set before', async (t) => {
  const app = await bareApp(t);
  app.post('/rotate', { preHandler: app.requireSession }, async (_request, reply) => {
    reply.header('cache-control', 'private, max-age=60');
    return reply.rotateAndRevokeOthers('test');
  });
  const cookie = cookieOf(await app.inject({ method: 'POST', url: '/enter/ann' }));
  const response = await app.inject({ method: 'POST', url: '/rotate', headers: { cookie } });
  t.match(response.headers['set-cookie'], /^session_token=/);
  t.equal(response.headers['cache-control'], 'no-store');
});

t.test('a cookie that somebody else has set beside that of the session does not lock the user out', async (t) => {
  const store = spyStore(t);
  const app = await bareApp(t, { store: store.store });
  const enter = async () => cookieOf(await app.inject({ method: 'POST', url: '/enter/ann' }));
  const send = (url: string, ...cookies: string[]) =>
    app.inject({ method: url === '/me' ? 'GET' : 'POST', url, headers: { cookie: cookies.join('; ') } });
  const live = await enter();
  const madeUp = `session_token=${'a'.repeat(22)}.${'b'.repeat(43)}`;
  t.equal((await send('/me', 'session_token=junk', live)).body, 'ANN');
  t.equal((await send('/me', madeUp, live, live)).body, 'ANN');
  const renewed = await send('/renew', madeUp, live);
  t.equal(renewed.statusCode, 200);
  const next = cookieOf(renewed);
  t.equal((await send('/me', 'session_token=junk', next)).body, 'ANN');

  const several = { statusCode: 401, code: 'SEVERAL_SESSION_COOKIES' };
  const other = await enter();
  t.match((await send('/me', next, other)).json(), several, 'two live sessions');
  t.match((await send('/renew', next, other)).json(), several);
  t.match((await send('/me', madeUp, 'session_token=junk')).json(), several, 'none');
  store.calls.length = 0;
  const junk = Array.from({ length: 20 }, (_, i) => `session_token=junk${i}`);
  t.equal((await send('/me', next, ...junk, next)).body, 'ANN', 'what is no token does not count');
  store.calls.length = 0;
  const many = Array.from({ length: 165 }, (_, i) => madeUp.replace('aaa', String(100 + i)));
  t.match((await send('/me', next, ...many)).json(), several, 'too many to look at');
  t.same(store.calls, []);
});

t.test('startSession without a user is a mistake that shows at once, and repeats no value', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  await app.register(sessions);
  app.post('/enter', async (request, reply) => reply.startSession(request.body as never));
  const wrong = [undefined, null, 'a secret', {}, { userId: 1, username: 'ann' }, { userId: '', username: 'ann' }];
  for (const user of [...wrong, { userId: 'ann' }]) {
    const options = user === undefined ? {} : { payload: JSON.stringify(user) };
    const headers = { 'content-type': 'application/json' };
    const response = await app.inject({ method: 'POST', url: '/enter', headers, ...options });
    if (user === undefined) {
      t.equal(response.statusCode, 400, 'Fastify refuses an empty JSON body');
    } else {
      t.match(response.json(), {
        statusCode: 500,
        message: /^startSession takes an object with the strings userId and username/,
      });
      t.notMatch(response.body, 'a secret');
    }
    t.notHas(response.headers, 'set-cookie');
  }
});

/** An app whose sessions count. */
async function countingApp(t: Test, options: SessionsOptions = {}) {
  const app = await bareApp(t, options);
  app.post('/count', { onRequest: requireSession }, async (request) => {
    const { data } = await request.updateSession((data) => ({ ...data, n: ((data as { n?: number }).n ?? 0) + 1 }));
    return { data, same: request.session.data === data };
  });
  app.post('/dates', { onRequest: requireSession }, async (request) =>
    request.updateSession(() => ({ now: new Date() }) as object),
  );
  const cookie = cookieOf(await app.inject({ method: 'POST', url: '/enter/ann' }));
  return { app, cookie };
}

t.test('an app keeps data with a session, which the client never sees', async (t) => {
  const { app, cookie } = await countingApp(t);
  const post = (url: string, from = cookie) => app.inject({ method: 'POST', url, headers: { cookie: from } });
  t.same((await post('/count')).json(), { data: { n: 1 }, same: true });
  const refreshed = await post('/renew');
  t.match(refreshed.json().data, { n: 1 }, 'a refresh keeps it');
  const next = cookieOf(refreshed);
  t.same((await post('/count', next)).json(), { data: { n: 2 }, same: true });
  t.match((await post('/dates', next)).json(), {
    statusCode: 500,
    message: 'data.now cannot be kept with a session: it is not a JSON value',
  });
  const again = cookieOf(await app.inject({ method: 'POST', url: '/enter/ann', headers: { cookie: next } }));
  t.same((await post('/count', again)).json(), { data: { n: 1 }, same: true }, 'a new session adopts nothing');
  t.equal((await post('/count', next)).statusCode, 401);
});

t.test('data of a session that ends meanwhile is a 401', async (t) => {
  const inner = new MemorySessionStore();
  t.teardown(() => inner.close());
  const store = stubStore(inner, { replace: (next) => inner.remove(next.session.id) && false });
  const { app, cookie } = await countingApp(t, { store });
  t.equal((await app.inject({ method: 'POST', url: '/count', headers: { cookie } })).statusCode, 401);
  t.equal(inner.size, 0);
});

t.test('with renewal by activity three parallel requests are accepted, and the cookie lasts', async (t) => {
  const clock = fakeClock();
  const app = await bareApp(t, { clock, renewal: 'activity', idleSeconds: 60, maxSeconds: 600 });
  const entered = await app.inject({ method: 'POST', url: '/enter/ann' });
  t.match(entered.headers['set-cookie'], 'Max-Age=600;');
  const headers = { cookie: cookieOf(entered) };
  for (let i = 0; i < 10; i++) {
    clock.advance(59_000);
    const replies = await Promise.all([1, 2, 3].map(() => app.inject({ url: '/whole', headers })));
    for (const reply of replies) {
      t.equal(reply.statusCode, 200);
      t.notHas(reply.headers, 'set-cookie', 'the token stays');
    }
    t.equal(replies[2]?.json().expiresAt, Math.min(clock() + 60_000, replies[2]?.json().endsAt));
  }
  clock.advance(10_000);
  t.equal((await app.inject({ url: '/whole', headers })).statusCode, 401, 'the absolute deadline');
});

t.test('the listeners of a session are called when it ends', async (t) => {
  const app = await bareApp(t);
  const ended: string[] = [];
  app.get<{ Params: { name: string } }>('/listen/:name', { onRequest: requireSession }, async (request) => {
    const { name } = request.params;
    request.onSessionEnd(() => ended.push(name));
    request.onSessionEnd(() => ended.push('removed'))();
    return 'listening';
  });
  app.post('/others', { onRequest: requireSession }, async (request) => request.revokeOtherSessions());
  app.get('/deaf', async (request) => request.onSessionEnd(() => {}));
  const enter = async () => cookieOf(await app.inject({ method: 'POST', url: '/enter/ann' }));
  const [first, second] = [await enter(), await enter()];
  await app.inject({ url: '/listen/first', headers: { cookie: first } });
  await app.inject({ url: '/listen/second', headers: { cookie: second } });
  await app.inject({ method: 'POST', url: '/others', headers: { cookie: second } });
  t.same(ended, ['first']);
  const renewed = cookieOf(await app.inject({ method: 'POST', url: '/renew', headers: { cookie: second } }));
  t.same(ended, ['first'], 'a new token is the same session');
  await app.inject({ method: 'POST', url: '/leave', headers: { cookie: renewed } });
  t.same(ended, ['first', 'second']);
  t.equal((await app.inject('/deaf')).statusCode, 500);
});

t.test('a cookie with secure "auto" follows the protocol of the request', async (t) => {
  const lines: string[] = [];
  const app = Fastify({
    trustProxy: 'loopback',
    logger: { level: 'warn', stream: { write: (line: string) => lines.push(line) } },
  });
  t.teardown(() => app.close());
  await app.register(sessions, { cookie: { secure: 'auto' } });
  app.post('/enter', async (_request, reply) => reply.startSession({ userId: 'ann', username: 'ann' }));
  app.get('/me', { onRequest: requireSession }, async () => 'me');
  t.equal(app.sessionCookieName, 'session_token');
  const https = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.1' };
  const enter = (headers = {}) => app.inject({ method: 'POST', url: '/enter', headers });
  const me = (headers: object) => app.inject({ url: '/me', headers: headers as Record<string, string> });
  const secure = await enter(https);
  t.match(secure.headers['set-cookie'], /^__Host-session_token=.*; Secure;/);
  const plain = await enter();
  t.match(plain.headers['set-cookie'], /^session_token=/);
  t.notMatch(plain.headers['set-cookie'], 'Secure');
  t.equal((await me({ ...https, cookie: cookieOf(secure) })).statusCode, 200);
  t.equal((await me({ ...https, cookie: cookieOf(plain) })).statusCode, 401, 'over HTTPS, only the __Host- name');
  t.equal((await me({ cookie: cookieOf(plain) })).statusCode, 200);
  t.same(lines, []);
});

const SCHEMES = [
  { secure: 'auto', origin: 'https://app.example', fix: /trustProxy/ },
  { secure: false, origin: 'https://app.example', fix: /cookie\.secure to true, or to "auto"/ },
  { secure: true, origin: 'http://app.example', fix: /cookie\.secure to false, or to "auto"/ },
  { secure: false, origin: 'http://app.example', fix: undefined },
  { secure: false, origin: 'https://other.example', fix: undefined },
] as const;

for (const { secure, origin, fix } of SCHEMES) {
  t.test(`secure ${secure} and a page of ${origin}: ${fix ? 'one warning' : 'no warning'}`, async (t) => {
    const lines: string[] = [];
    const app = Fastify({ logger: { level: 'warn', stream: { write: (line: string) => lines.push(line) } } });
    t.teardown(() => app.close());
    await app.register(sessions, { cookie: { secure } });
    app.post('/enter', async (_request, reply) => reply.startSession({ userId: 'ann', username: 'ann' }));
    for (let i = 0; i < 2; i++) {
      await app.inject({ method: 'POST', url: '/enter', headers: { host: 'app.example', origin } });
    }
    t.match(
      lines.map((line) => JSON.parse(line)),
      fix ? [{ level: 40, fix, source: 'Origin' }] : [],
    );
    t.equal(lines.length, fix ? 1 : 0);
  });
}

t.test('of several sessions that one reply starts, only the last one is live, and a sign-out ends it', async (t) => {
  const app = await bareApp(t);
  const users = ['ann', 'bob'].map((name) => ({ userId: name, username: name }));
  app.post('/twice', async (_request, reply) => {
    reply.header('set-cookie', 'other=1');
    for (const user of users) {
      await reply.startSession(user);
    }
    return reply.request.session.id;
  });
  app.post('/in-and-out', async (_request, reply) => {
    const { id } = await reply.startSession(users[0] as (typeof users)[number]);
    await reply.signOut();
    return id;
  });
  const twice = await app.inject({ method: 'POST', url: '/twice' });
  t.match(setCookies(twice), ['other=1', /^session_token=/]);
  t.equal(setCookies(twice).length, 2);
  t.equal((await app.sessionStore.listByUser({ namespace: 'session_token', userId: 'ann' })).length, 0);
  t.equal((await app.inject({ url: '/me', headers: { cookie: cookieOf(twice) } })).body, 'BOB');
  for (const headers of [{}, { cookie: cookieOf(twice) }]) {
    const out = await app.inject({ method: 'POST', url: '/in-and-out', headers });
    t.equal(out.statusCode, 200);
    t.equal(await app.sessionStore.find(out.body), undefined);
    t.match(setCookies(out), [/^session_token=;/]);
    t.equal(setCookies(out).length, 1);
  }
  t.equal((await app.inject({ url: '/me', headers: { cookie: cookieOf(twice) } })).statusCode, 401);
});

t.test('a clock that returns no number stops the start', async (t) => {
  for (const clock of [() => new Date(), async () => Date.now(), () => '1', () => undefined, () => Number.NaN]) {
    const app = Fastify();
    t.teardown(() => app.close());
    await t.rejects(async () => app.register(sessions, { clock: clock as never }), {
      message: 'sessions: clock must return a number: the milliseconds since 1970, as Date.now does.',
    });
  }
});

t.test('misuse of the actions on sessions is named', async (t) => {
  const lines: string[] = [];
  const app = Fastify({ logger: { level: 'warn', stream: { write: (line: string) => lines.push(line) } } });
  t.teardown(() => app.close());
  await app.register(sessions);
  const user = { userId: 'ann', username: 'ann' };
  app.post('/enter', async (_request, reply) => reply.startSession(user));
  app.post('/typo', async (_request, reply) => reply.startSession({ ...user, datta: {} } as never));
  app.post('/update', { onRequest: requireSession }, async (request) => request.updateSession({} as never));
  app.post('/async', { onRequest: requireSession }, async (request) =>
    request.updateSession((async () => {
      throw new Error('nobody handles this rejection');
    }) as never),
  );
  app.post('/listen', { onRequest: requireSession }, async (request) => request.onSessionEnd('x' as never));
  let late: Promise<unknown> | undefined;
  app.post('/late', async (_request, reply) => {
    late = new Promise((resolve) => setImmediate(resolve)).then(() => reply.startSession(user));
    return 'sent';
  });
  const headers = { cookie: cookieOf(await app.inject({ method: 'POST', url: '/enter' })) };
  const message = async (url: string) => (await app.inject({ method: 'POST', url, headers })).json().message;
  t.equal(await message('/typo'), 'startSession does not take datta. The fields are userId, username and data.');
  t.match(await message('/update'), /^updateSession takes a function: updateSession\(/);
  t.match(await message('/async'), /a change of it must not be asynchronous$/);
  t.match(await message('/listen'), /^onSessionEnd takes a function: onSessionEnd\(/);
  lines.length = 0;
  await app.inject({ method: 'POST', url: '/late' });
  await late;
  t.match(lines.join(''), 'the reply was sent before its session cookie was set');
});

t.test('a decorator of the app is not replaced', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  app.decorate('sessionStore', 'mine' as never);
  await t.rejects(async () => app.register(sessions), { message: /has a decorator sessionStore of its own/ });
});
