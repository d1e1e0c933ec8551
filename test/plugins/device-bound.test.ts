import Fastify from 'fastify';
import t, { type Test } from 'tap';
import {
  MemorySessionStore,
  requireBoundSession,
  requireSession,
  type SessionsOptions,
  sessions,
} from '../../src/index.ts';
import {
  bind,
  challengeOf,
  HOST_COOKIE,
  HTTPS,
  newDevice,
  proveAndRefresh,
  refreshBy,
  signInForBinding,
} from '../helpers/device.ts';
import {
  build,
  buildWithEvents,
  cookieOf,
  fakeClock,
  setCookies,
  stubStore,
  USER2,
  welcome,
} from '../helpers/service.ts';

/** How long a token of a bound session is good. */
const TOKEN_MS = 120_000;
const BOUND_IDLE_MS = 900_000;
const SIGN_IN = { method: 'POST', url: '/signin', payload: { username: 'user1', password: 'password1' } } as const;

t.test('only a sign-in over HTTPS offers to bind the session', async (t) => {
  const app = await build(t, { env: HTTPS });
  const response = await app.inject(SIGN_IN);
  const id = response.json().id;
  t.match(
    response.headers['secure-session-registration'],
    new RegExp(`^\\(ES256\\);path="/refresh";challenge="${id}\\.[\\w-]{43}"$`),
  );
  t.equal(response.json().bound, false);
  const cookie = cookieOf(response, HOST_COOKIE);
  for (const [method, url] of [
    ['GET', '/session'],
    ['POST', '/refresh'],
    ['GET', '/account'],
  ] as const) {
    const { headers } = await app.inject({ method, url, headers: { cookie } });
    t.equal(headers['secure-session-registration'], undefined, url);
  }
  const failed = await app.inject({ ...SIGN_IN, payload: { username: 'user1', password: 'wrong' } });
  t.equal(failed.headers['secure-session-registration'], undefined, 'a failed sign-in');

  const plain = await build(t);
  t.equal((await plain.inject(SIGN_IN)).headers['secure-session-registration'], undefined, 'over HTTP');
  const off = await build(t, { env: { ...HTTPS, DEVICE_BOUND_SESSIONS: 'off' } });
  t.equal((await off.inject(SIGN_IN)).headers['secure-session-registration'], undefined, 'off');
});

t.test('a browser registers its key and gets a token and instructions', async (t) => {
  const { app, clock, events } = await buildWithEvents(t, HTTPS);
  const { id, first, cookie, response } = await bind(app);
  t.equal(response.statusCode, 200);
  t.match(response.headers, { 'content-type': /^application\/json/, 'cache-control': 'no-store' });
  t.same(response.json(), {
    session_identifier: id,
    refresh_url: '/refresh',
    scope: { include_site: false },
    credentials: [{ type: 'cookie', name: HOST_COOKIE, attributes: 'Path=/; HttpOnly; Secure; SameSite=Lax' }],
  });
  const [setCookie] = setCookies(response);
  t.match(setCookie, /; Max-Age=115; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/);
  t.not(cookie, first);
  t.match(events().at(-1), { event: 'device_bound_registered', sessionId: id, username: 'user1' });

  const session = (await app.inject({ url: '/session', headers: { cookie } })).json();
  t.match(session, { id, bound: true, expiresAt: new Date(clock() + BOUND_IDLE_MS).toISOString() });
  const listed = (await app.inject({ url: '/sessions', headers: { cookie } })).json();
  t.match(listed, [{ id, bound: true }]);
});

t.test('the instructions name the refresh path and the trusted origins of the site', async (t) => {
  const PUBLIC_URL = 'https://login.example.com/auth';
  const app = await build(t, {
    env: {
      PUBLIC_URL,
      TRUSTED_ORIGINS: 'https://app.example.com, https://*.example.com, https://example.com, https://*.example.org',
    },
  });
  const response = await app.inject(SIGN_IN);
  t.match(response.headers['secure-session-registration'], ';path="/auth/refresh";');
  const { response: registered } = await bind(app);
  t.match(registered.json(), {
    refresh_url: '/auth/refresh',
    allowed_refresh_initiators: ['app.example.com', '*.example.com', 'example.com'],
  });
});

t.test('the token of a bound session is refused after two minutes, and a proof brings a new one', async (t) => {
  const { app, clock, events } = await buildWithEvents(t, HTTPS);
  const { id, device, cookie } = await bind(app);
  clock.advance(TOKEN_MS - 1);
  t.equal(await welcome(app, cookie), 200);
  clock.advance(1);
  t.equal(await welcome(app, cookie), 401);
  clock.advance(BOUND_IDLE_MS - TOKEN_MS - 1);
  const response = await proveAndRefresh(app, { id, device });
  t.equal(response.statusCode, 200);
  t.match(response.json(), { session_identifier: id, scope: { include_site: false } });
  t.equal(await welcome(app, cookieOf(response, HOST_COOKIE)), 200);
  t.equal(await welcome(app, cookie), 401);
  t.match(events().at(-2), { event: 'device_bound_refreshed', sessionId: id, username: 'user1' });
  clock.advance(BOUND_IDLE_MS);
  t.equal((await refreshBy(app, { id })).statusCode, 401, 'idle for too long');
});

t.test('a bound session gets no token without a proof by its key', async (t) => {
  const { app, clock, events } = await buildWithEvents(t, HTTPS);
  const { id, device, cookie } = await bind(app);
  const stranger = newDevice();
  const ask = async () => challengeOf(await refreshBy(app, { id }));
  const challenge = await ask();
  const used = device.prove(await ask());
  t.equal((await refreshBy(app, { id, proof: used })).statusCode, 200);
  const other = await bind(app);
  const proofs: Record<string, [string, string]> = {
    'a challenge before the refresh': ['unknown challenge', device.prove(challenge)],
    'a proof that was used': ['unknown challenge', used],
    'a challenge of another session': [
      'unknown challenge',
      device.prove(challengeOf(await refreshBy(app, { id: other.id }))),
    ],
    'an invented challenge': ['unknown challenge', device.prove('x')],
    'another key': ['wrong signature', stranger.prove(await ask())],
    'another key in the header': ['wrong signature', stranger.register(await ask())],
    'no JWT': ['malformed proof', 'x'],
  };
  for (const [title, [reason, proof]] of Object.entries(proofs)) {
    const response = await refreshBy(app, { id, proof, cookie });
    t.equal(response.statusCode, 403, title);
    t.equal(response.json().code, 'DEVICE_PROOF_REQUIRED');
    t.match(response.headers['secure-session-challenge'], new RegExp(`^"[\\w.-]+";id="${id}"$`));
    t.same(setCookies(response), []);
    t.match(events().at(-1), { event: 'device_bound_refused', sessionId: id, username: 'user1', reason });
  }
  const fresh = await ask();
  clock.advance(60_000);
  t.equal((await refreshBy(app, { id, proof: device.prove(fresh) })).statusCode, 403, 'a challenge of a minute ago');

  const refusals = () => events().filter(({ event }) => event === 'device_bound_refused').length;
  const before = refusals();
  t.equal((await refreshBy(app, { id: `"${id}"` })).statusCode, 403, 'in quotes, as the draft shows it');
  t.equal(refusals(), before, 'a request for a challenge is no event');

  const plain = await refreshBy(app, { cookie });
  t.equal(plain.statusCode, 403, 'a refresh by a page or a thief');
  t.equal(plain.json().code, 'DEVICE_PROOF_REQUIRED');
  t.equal(plain.headers['secure-session-challenge'], undefined);
  t.same(setCookies(plain), []);
  t.equal((await proveAndRefresh(app, { id, device })).statusCode, 200, 'the owner is not disturbed');
});

t.test('no challenge while the browser sends a good token', async (t) => {
  const { app, clock } = await buildWithEvents(t, HTTPS);
  const { id, first, cookie } = await bind(app);
  for (const good of [first, cookie, `${HOST_COOKIE}=x; ${cookie}`]) {
    const response = await refreshBy(app, { id, cookie: good });
    t.equal(response.statusCode, 200);
    t.equal(response.json().session_identifier, id);
    t.same(setCookies(response), []);
  }
  clock.advance(TOKEN_MS);
  t.equal((await refreshBy(app, { id, cookie })).statusCode, 403);
});

t.test('the browser learns from a 401 that the session has ended', async (t) => {
  const app = await build(t, { env: HTTPS });
  const { id, device, cookie } = await bind(app);
  const proof = device.prove(challengeOf(await refreshBy(app, { id })));
  const { cookie: unbound, id: unboundId } = await signInForBinding(app);
  t.equal((await refreshBy(app, { id: unboundId, cookie: unbound })).statusCode, 401, 'not bound');
  await app.inject({ method: 'POST', url: '/logout', headers: { cookie } });
  for (const request of [{ id }, { id, cookie }, { id, proof }, { id: 'x' }, { id: '' }]) {
    t.equal((await refreshBy(app, request)).statusCode, 401);
  }
});

t.test('a registration is refused without the challenge of the sign-in', async (t) => {
  const { app, clock, events } = await buildWithEvents(t, HTTPS);
  const device = newDevice();
  const { cookie, challenge, id } = await signInForBinding(app);
  const refuse = async (proof: string, reason: string) => {
    const response = await refreshBy(app, { proof, cookie });
    t.equal(response.statusCode, 403, reason);
    t.equal(response.json().code, 'DEVICE_KEY_REFUSED');
    t.same(setCookies(response), []);
    t.match(events().at(-1), { event: 'device_bound_refused', reason });
  };
  await refuse(device.prove(challenge), 'malformed proof');
  await refuse(device.register('x'), 'malformed proof');
  await refuse(device.register(`${id}.${'x'.repeat(43)}`), 'unknown offer');
  await refuse(device.register(cookie.split('=')[1] as string), 'unknown offer');
  await refuse(newDevice().register(challenge, { header: { jwk: device.jwk } }), 'wrong signature');
  const { statusCode } = await refreshBy(app, { proof: device.register(challenge) });
  t.equal(statusCode, 200, 'without a cookie');
  await refuse(newDevice().register(challenge), 'unknown offer');
  await refuse(device.register(challenge), 'unknown offer');

  const late = await signInForBinding(app);
  clock.advance(60_000);
  t.equal((await refreshBy(app, { cookie: late.cookie })).statusCode, 200, 'a plain refresh before');
  clock.advance(60_000);
  const renewed = await refreshBy(app, { proof: device.register(late.challenge) });
  t.equal(renewed.statusCode, 200);
});

t.test('an offer ends after five minutes, and with the session', async (t) => {
  const { app, clock } = await buildWithEvents(t, { ...HTTPS, SESSION_IDLE_SECONDS: '600' });
  const device = newDevice();
  const first = await signInForBinding(app);
  const second = await signInForBinding(app);
  await app.inject({ method: 'POST', url: '/logout', headers: { cookie: first.cookie } });
  t.equal((await refreshBy(app, { proof: device.register(first.challenge) })).statusCode, 403, 'signed out');
  clock.advance(299_999);
  const third = await signInForBinding(app);
  t.equal((await refreshBy(app, { proof: device.register(second.challenge) })).statusCode, 200);
  clock.advance(300_000);
  t.equal((await refreshBy(app, { proof: device.register(third.challenge) })).statusCode, 403);
});

t.test('a browser does not go back to a session after a sign-in as another user', async (t) => {
  const { app, clock } = await buildWithEvents(t, HTTPS);
  const { id, device, cookie } = await bind(app);
  const proof = device.prove(challengeOf(await refreshBy(app, { id })));
  const { cookie: second } = await signInForBinding(app, USER2);
  for (const request of [{ id }, { id, proof }]) {
    const response = await refreshBy(app, { ...request, cookie: second });
    t.equal(response.statusCode, 401);
    t.same(setCookies(response), []);
  }
  t.equal((await refreshBy(app, { id, cookie: `${cookie}; ${second}` })).statusCode, 401, 'with both cookies');
  clock.advance(1);
  const third = await bind(app);
  const late = await refreshBy(app, { id: third.id, cookie: second });
  t.equal(late.statusCode, 403, 'an earlier session is none that the user has changed to');
  clock.advance(TOKEN_MS);
  t.equal((await refreshBy(app, { id, cookie: second })).statusCode, 403, 'the other session has ended');
});

t.test('a refresh looks up few tokens', async (t) => {
  const sessionStore = new MemorySessionStore();
  t.teardown(() => sessionStore.close());
  let finds = 0;
  const counting = stubStore(sessionStore, {
    find: (id) => {
      finds++;
      return sessionStore.find(id);
    },
  });
  const app = await build(t, { env: HTTPS, sessionStore: counting });
  const { id, cookie } = await bind(app);
  const ask = async (header: string) => {
    finds = 0;
    await refreshBy(app, { id, cookie: header });
    return finds;
  };
  const secret = (i: number) => String(i).padStart(43, '0');
  t.equal(await ask(cookie), 1);
  t.equal(await ask(Array.from({ length: 100 }, (_, i) => `${HOST_COOKIE}=${id}.${secret(i)}`).join('; ')), 1);
  const others = Array.from({ length: 100 }, (_, i) => `${HOST_COOKIE}=${String(i).padStart(22, 'x')}.${secret(i)}`);
  t.equal(await ask(others.join('; ')), 6);
});

t.test('the token of the sign-in lives on for two minutes at most', async (t) => {
  const { app, clock } = await buildWithEvents(t, { ...HTTPS, SESSION_IDLE_SECONDS: '600' });
  const { first, cookie, response } = await bind(app);
  t.match(setCookies(response)[0], /Max-Age=115;/, 'and so does a new one');
  clock.advance(TOKEN_MS - 1);
  t.equal(await welcome(app, first), 200);
  t.equal(await welcome(app, cookie), 200);
  clock.advance(1);
  t.equal(await welcome(app, first), 401);
  t.equal(await welcome(app, cookie), 401);
});

t.test('a token that was replaced before the binding is refused', async (t) => {
  const { app } = await buildWithEvents(t, HTTPS);
  const { cookie: first, challenge } = await signInForBinding(app);
  const second = cookieOf(await refreshBy(app, { cookie: first }), HOST_COOKIE);
  await refreshBy(app, { proof: newDevice().register(challenge) });
  t.equal(await welcome(app, first), 401);
  t.equal(await welcome(app, second), 200);
});

t.test('the latest tokens of a bound session are good until they expire', async (t) => {
  const { app, clock } = await buildWithEvents(t, HTTPS);
  const { id, device, first, cookie } = await bind(app);
  clock.advance(100_000);
  const cookies = [cookie];
  for (let i = 0; i < 3; i++) {
    cookies.push(cookieOf(await proveAndRefresh(app, { id, device }), HOST_COOKIE));
  }
  for (const good of [first, ...cookies]) {
    t.equal(await welcome(app, good), 200);
  }
  cookies.push(cookieOf(await proveAndRefresh(app, { id, device }), HOST_COOKIE));
  t.equal(await welcome(app, first), 401, 'five replaced tokens are too many');
  for (const good of cookies) {
    t.equal(await welcome(app, good), 200);
  }
});

t.test('the deadlines of a bound session follow the settings', async (t) => {
  const lifetimes = { SESSION_IDLE_SECONDS: '1200', SESSION_MAX_SECONDS: '1300' };
  const { app, clock } = await buildWithEvents(t, { ...HTTPS, ...lifetimes });
  const { id, device, cookie } = await bind(app);
  const { expiresAt } = (await app.inject({ url: '/session', headers: { cookie } })).json();
  t.equal(Date.parse(expiresAt), clock() + 1_200_000, 'the longer one of the idle timeouts');
  clock.advance(1_190_000);
  const late = await proveAndRefresh(app, { id, device });
  t.match(setCookies(late)[0], /Max-Age=105;/);
  const last = cookieOf(late, HOST_COOKIE);
  clock.advance(109_999);
  t.equal(await welcome(app, last), 200);
  clock.advance(1);
  t.equal(await welcome(app, last), 401, 'the end of the session');
  t.equal((await refreshBy(app, { id })).statusCode, 401);

  for (const [idle, maxAge] of [
    ['1', 1],
    ['3', 2],
    ['60', 55],
  ] as const) {
    const short = await build(t, { env: { ...HTTPS, SESSION_IDLE_SECONDS: idle } });
    t.match(setCookies((await bind(short)).response)[0], new RegExp(`Max-Age=${maxAge};`), `${idle} s`);
  }
});

t.test('a browser that sends an expired token is made to refresh', async (t) => {
  const { app, clock, events } = await buildWithEvents(t, HTTPS);
  const { id, device, cookie } = await bind(app);
  const cleared = [/^__Host-session_token=; Max-Age=0;/];
  clock.advance(TOKEN_MS);
  const refused = await app.inject({ url: '/welcome', headers: { cookie } });
  t.equal(refused.statusCode, 401);
  t.match(setCookies(refused), cleared);
  t.match(events().at(-1), { event: 'session_use_after_expire', sessionId: id, reason: 'expired token' });
  t.match(setCookies(await refreshBy(app, { cookie })), cleared);

  const logout = await app.inject({ method: 'POST', url: '/logout', headers: { cookie } });
  t.equal(logout.statusCode, 503, 'the session lives');
  t.equal(logout.json().code, 'SESSION_NOT_REFRESHED');
  t.match(setCookies(logout), cleared);
  const fresh = cookieOf(await proveAndRefresh(app, { id, device }), HOST_COOKIE);
  t.equal((await app.inject({ method: 'POST', url: '/logout', headers: { cookie: fresh } })).statusCode, 200);

  const ended = await bind(app);
  clock.advance(BOUND_IDLE_MS);
  const over = await app.inject({ url: '/welcome', headers: { cookie: ended.cookie } });
  t.equal(over.statusCode, 401);
  t.same(setCookies(over), [], 'the session has ended');
  t.equal((await app.inject({ url: '/logout', headers: { cookie: ended.cookie } })).statusCode, 200);
});

t.test('a replaced token that is still good signs out, and is no reuse', async (t) => {
  const { app, clock, events } = await buildWithEvents(t, HTTPS);
  const { id, first } = await bind(app);
  clock.advance(20_000);
  t.equal((await app.inject({ url: '/logout', headers: { cookie: first } })).statusCode, 200);
  t.match(events().at(-1), { event: 'session_expired', sessionId: id, reason: 'signed out' });
  t.notOk(events().some(({ event }) => event === 'authn_token_reuse'));
});

t.test('an old token of a bound session ends nothing', async (t) => {
  const { app, clock } = await buildWithEvents(t, HTTPS);
  const { id, device, cookie } = await bind(app);
  clock.advance(TOKEN_MS + 1);
  const fresh = cookieOf(await proveAndRefresh(app, { id, device }), HOST_COOKIE);
  for (const url of ['/welcome', '/logout'] as const) {
    await app.inject({ url, headers: { cookie } });
    t.equal(await welcome(app, fresh), 200, url);
  }
  t.equal((await refreshBy(app, { cookie })).statusCode, 401);
  await app.inject({ ...SIGN_IN, headers: { cookie } });
  t.equal(await welcome(app, fresh), 200, 'a sign-in by the thief');
});

t.test('renewal by activity does not prolong a token of a bound session', async (t) => {
  const { app, clock } = await buildWithEvents(t, { ...HTTPS, SESSION_RENEWAL: 'activity' });
  const { id, device, first, cookie, response } = await bind(app);
  t.match(setCookies(response)[0], /Max-Age=115;/);
  clock.advance(TOKEN_MS - 1);
  t.equal(await welcome(app, cookie), 200);
  clock.advance(1);
  t.equal(await welcome(app, cookie), 401);
  t.equal(await welcome(app, first), 401);
  clock.advance(BOUND_IDLE_MS - 2);
  const refreshed = await proveAndRefresh(app, { id, device });
  t.equal(refreshed.statusCode, 200, 'the activity has prolonged the session');
});

t.test('a change of the password takes all tokens of a bound session', async (t) => {
  const { app } = await buildWithEvents(t, HTTPS);
  const { id, device, first, cookie } = await bind(app);
  const response = await app.inject({
    method: 'POST',
    url: '/password',
    headers: { cookie },
    payload: { currentPassword: 'password1', newPassword: 'a horse, a battery' },
  });
  t.equal(response.statusCode, 200);
  t.match(response.json(), { id, bound: true });
  t.match(
    setCookies(response).filter((line) => line.includes('session_token')),
    [/^__Host-session_token=; Max-Age=0;/],
  );
  t.equal(await welcome(app, cookie), 401);
  t.equal(await welcome(app, first), 401);
  t.equal((await proveAndRefresh(app, { id, device })).statusCode, 200);
});

t.test('after a change of the password, the offer of the sign-in is void', async (t) => {
  const { app } = await buildWithEvents(t, HTTPS);
  const { cookie, challenge } = await signInForBinding(app);
  const payload = { currentPassword: 'password1', newPassword: 'a horse, a battery' };
  const changed = await app.inject({ method: 'POST', url: '/password', headers: { cookie }, payload });
  t.equal(changed.statusCode, 200);
  t.equal(await welcome(app, cookieOf(changed, HOST_COOKIE)), 200, 'a session that is not bound has a new token');
  t.equal((await refreshBy(app, { proof: newDevice().register(challenge) })).statusCode, 403);
});

t.test('a request whose refresh was skipped tells why', async (t) => {
  const { app, events } = await buildWithEvents(t, HTTPS);
  const skipped = (reason: string) => ({
    'secure-session-skipped': `${reason};session_identifier="${'i'.repeat(22)}"`,
  });
  for (const reason of ['server_error', 'unreachable']) {
    const response = await app.inject({ url: '/welcome', headers: skipped(reason) });
    t.equal(response.statusCode, 503);
    t.match(response.json(), { code: 'SESSION_NOT_REFRESHED' });
    t.equal(response.headers['retry-after'], '1');
    t.match(events().at(-1), { event: 'device_bound_skipped', reason, sessionId: 'i'.repeat(22) });
  }
  const limited = await app.inject({ url: '/welcome', headers: skipped('quota_exceeded') });
  t.equal(limited.statusCode, 401, 'a sign-in helps');
  t.match(events().at(-1), { event: 'device_bound_skipped', reason: 'quota_exceeded' });
  const logout = await app.inject({ method: 'POST', url: '/logout', headers: skipped('quota_exceeded') });
  t.equal(logout.statusCode, 503, 'the user may still be signed in');
  t.equal((await app.inject({ url: '/welcome', headers: { 'secure-session-skipped': 'x' } })).statusCode, 401);
  t.match(events().at(-1), { event: 'device_bound_skipped', reason: 'other' });

  const page = { accept: 'text/html', ...skipped('unreachable') };
  const form = await app.inject({ url: '/signin?next=/account', headers: page });
  t.equal(form.statusCode, 503);
  t.match(form.body, /name="password"/, 'the user can sign in all the same');
  t.match(form.body, /name="next" value="\/account"/);

  const off = await build(t, { env: { ...HTTPS, DEVICE_BOUND_SESSIONS: 'off' } });
  t.equal((await off.inject({ url: '/welcome', headers: skipped('server_error') })).statusCode, 401, 'off');
});

t.test('the cross-origin guard lets the browser itself pass', async (t) => {
  const app = await build(t, { env: HTTPS });
  const { id, cookie } = await bind(app);
  const headers = { cookie, origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' };
  const byPage = await app.inject({ method: 'POST', url: '/refresh', headers });
  t.equal(byPage.json().code, 'CROSS_ORIGIN_REFUSED');
  const byBrowser = await app.inject({
    method: 'POST',
    url: '/refresh',
    headers: { ...headers, 'sec-secure-session-id': id },
  });
  t.equal(byBrowser.statusCode, 200);
});

/** An app with routes of its own. Its refresh route redirects. */
async function bareApp(t: Test, options: SessionsOptions, log: string[] = []) {
  const stream = { write: (line: string) => log.push(line) };
  const app = Fastify({ trustProxy: true, logger: { level: 'warn', stream } });
  t.teardown(() => app.close());
  app.addHook('onSend', async (_request, reply, payload) => {
    // As a plugin that compresses replies.
    reply.headers({ 'content-encoding': 'gzip', etag: '"1"' });
    return payload;
  });
  await app.register(sessions, options);
  app.post('/signin', async (_request, reply) => {
    await reply.startSession({ userId: '1', username: 'ann' });
    return 'Hello';
  });
  app.post('/refresh', async (_request, reply) => {
    await reply.refreshSession();
    return reply.header('content-length', 0).redirect('/');
  });
  app.get('/vault', { onRequest: requireBoundSession }, async ({ session }) => session.username);
  app.post('/signout', async (_request, reply) => reply.signOut());
  await app.ready();
  return app;
}

t.test('a plugin binds sessions in any app, whatever its refresh route replies', async (t) => {
  const app = await bareApp(t, { cookie: { secure: true }, deviceBound: true });
  const { id, device, first, cookie, response } = await bind(app);
  t.equal(response.statusCode, 200);
  for (const name of ['location', 'content-encoding', 'etag']) {
    t.equal(response.headers[name], undefined);
  }
  t.equal(response.json().session_identifier, id);
  t.equal((await app.inject({ url: '/vault', headers: { cookie } })).body, 'ann');
  t.equal((await app.inject({ url: '/vault', headers: { cookie: first } })).body, 'ann', 'the session counts');
  t.equal((await proveAndRefresh(app, { id, device })).json().session_identifier, id);

  const unbound = await signInForBinding(app);
  const vault = await app.inject({ url: '/vault', headers: { cookie: unbound.cookie } });
  t.equal(vault.statusCode, 403);
  t.equal(vault.json().code, 'BOUND_SESSION_REQUIRED');
  t.equal((await app.inject({ url: '/vault' })).statusCode, 401);
  t.equal((await refreshBy(app, { cookie: unbound.cookie })).statusCode, 302, 'for a page the handler replies');
});

t.test('with secure: "auto", only browsers on HTTPS get an offer', async (t) => {
  const app = await bareApp(t, { cookie: { secure: 'auto' }, deviceBound: true });
  const offer = async (protocol: string) => {
    const headers = { 'x-forwarded-proto': protocol };
    return (await app.inject({ method: 'POST', url: '/signin', headers })).headers['secure-session-registration'];
  };
  t.equal(await offer('http'), undefined);
  t.match(await offer('https'), /^\(ES256\);path="\/refresh"/);
});

t.test('an option that cannot work is a mistake that shows at once', async (t) => {
  const register = async (options: object) => Fastify().register(sessions, options as SessionsOptions);
  const secure = { secure: true };
  await t.rejects(register({ deviceBound: true }), { message: /needs cookie.secure/ });
  await t.rejects(register({ deviceBound: {}, cookie: { secure: false } }), { message: /needs cookie.secure/ });
  await t.rejects(register({ deviceBound: true, cookie: { ...secure, domain: 'example.com' } }), {
    message: /does not work with cookie.domain/,
  });
  for (const deviceBound of [
    'on',
    { refreshPath: 'refresh' },
    { refreshPath: '//evil.test/refresh' },
    { refreshPath: '/refresh";challenge="x' },
    { refreshPath: '/re fresh' },
    { allowedInitiators: ['app.example.com'] },
    { path: '/refresh' },
  ]) {
    await t.rejects(register({ deviceBound, cookie: secure }), { message: /sessions: deviceBound is .* must be/s });
  }
  await t.rejects(register({ boundIdleSeconds: 299 }), { message: /from 300 to 86400/ });
});

t.test('a refresh path without a route shows in the log', async (t) => {
  const log: string[] = [];
  await bareApp(t, { cookie: { secure: true }, deviceBound: { refreshPath: '/auth/refresh' } }, log);
  t.same(log, [], 'a proxy may remove the start of the path');
  await bareApp(t, { cookie: { secure: true }, deviceBound: { refreshPath: '/renew' } }, log);
  t.match(log.join(''), /the app has no route for the refresh path, so no browser can bind a session/);
});

t.test('a handler that fails after the refresh replies with its error, and others find the session', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  await app.register(sessions, { cookie: { secure: true }, deviceBound: true });
  app.post('/signin', async (_request, reply) => {
    await reply.startSession({ userId: '1', username: 'ann' });
  });
  let fails = false;
  const users: string[] = [];
  app.post('/refresh', async (request, reply) => {
    await reply.refreshSession();
    users.push(request.session.username);
    if (fails) {
      throw new Error('the mail server does not answer');
    }
  });
  app.post('/password', { onRequest: requireSession }, async (request, reply) => {
    const { authenticatedAt } = request.session;
    await new Promise((resolve) => setTimeout(resolve, 2));
    await reply.rotateAndRevokeOthers('password changed');
    return { isRecent: request.session.authenticatedAt > authenticatedAt };
  });
  const { id, device, cookie } = await bind(app);
  await refreshBy(app, { id, cookie });
  await proveAndRefresh(app, { id, device });
  t.same(users, ['ann', 'ann', 'ann']);
  fails = true;
  const failed = await refreshBy(app, { id, cookie });
  t.equal(failed.statusCode, 500);
  t.match(failed.json(), { message: 'the mail server does not answer' });
  t.same((await app.inject({ method: 'POST', url: '/password', headers: { cookie } })).json(), { isRecent: true });
});

t.test('requireBoundSession where no session can be bound is a mistake that shows', async (t) => {
  const app = await bareApp(t, {});
  const cookie = cookieOf(await app.inject({ method: 'POST', url: '/signin' }));
  t.equal((await app.inject({ url: '/vault', headers: { cookie } })).statusCode, 500);
});

t.test('switched off, the headers of browsers mean nothing, and a bound session is not refreshed', async (t) => {
  const clock = fakeClock();
  const store = new MemorySessionStore({ clock });
  const secure = { cookie: { secure: true }, store, clock };
  const before = await bareApp(t, { ...secure, deviceBound: true });
  const { id, device, cookie } = await bind(before);
  const challenge = challengeOf(await refreshBy(before, { id }));
  const app = await bareApp(t, secure);
  t.equal((await refreshBy(app, { id })).statusCode, 401);
  t.equal((await refreshBy(app, { id, proof: device.prove(challenge) })).statusCode, 401);
  const refused = await refreshBy(app, { id, cookie });
  t.equal(refused.json().code, 'DEVICE_PROOF_REQUIRED');
  clock.advance(TOKEN_MS);
  t.equal((await refreshBy(app, { cookie })).statusCode, 401);
  const left = await app.inject({ method: 'POST', url: '/signout', headers: { cookie } });
  t.equal(left.statusCode, 200, 'no browser can refresh it');
});

t.test('a session of another area is unknown', async (t) => {
  const store = new MemorySessionStore();
  t.teardown(() => store.close());
  const [one, two] = [await appOfArea('one'), await appOfArea('two')];
  function appOfArea(namespace: string) {
    return bareApp(t, { cookie: { secure: true }, deviceBound: true, store, namespace });
  }
  const device = newDevice();
  const { challenge } = await signInForBinding(one);
  t.equal((await refreshBy(two, { proof: device.register(challenge) })).statusCode, 403);
  const { id, cookie } = await bind(one);
  t.equal((await refreshBy(two, { id })).statusCode, 401);
  t.equal((await refreshBy(two, { id, cookie })).statusCode, 401);
});
