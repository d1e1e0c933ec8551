import t from 'tap';
import { build, cookieOf, fakeClock, setCookies, signIn, USER1, welcome } from '../helpers/service.ts';

t.test('it answers with the session and sets its cookie, and both tell the same deadline (ASVS 3.3.2)', async (t) => {
  const clock = fakeClock();
  const app = await build(t, { clock });
  const response = await app.inject({ method: 'POST', url: '/signin', payload: USER1 });
  t.equal(response.statusCode, 200);
  t.match(
    setCookies(response)[0],
    /^session_token=[\w-]{22}\.[\w-]{43}; Max-Age=120; Path=\/; Expires=Tue, 01 Jan 2030 12:02:00 GMT; HttpOnly; SameSite=Lax$/,
  );
  t.strictSame(response.json(), {
    id: cookieOf(response).slice('session_token='.length).split('.')[0],
    username: 'user1',
    createdAt: '2030-01-01T12:00:00.000Z',
    authenticatedAt: '2030-01-01T12:00:00.000Z',
    expiresAt: '2030-01-01T12:02:00.000Z',
    endsAt: '2030-01-02T00:00:00.000Z',
    bound: false,
    current: true,
  });
});

t.test(
  'with an https PUBLIC_URL the cookie is __Host- and Secure, and no other name is read (ASVS 3.3.1)',
  async (t) => {
    const app = await build(t, { env: { PUBLIC_URL: 'https://login.example' } });
    const response = await app.inject({ method: 'POST', url: '/signin', payload: USER1 });
    t.match(setCookies(response), [
      /^__Host-session_token=.*; Path=\/; .*; HttpOnly; Secure; SameSite=Lax$/,
      /^__Host-device_token=.*; Path=\/; .*; HttpOnly; Secure; SameSite=Lax$/,
    ]);
    const cookie = cookieOf(response);
    t.equal(await welcome(app, cookie), 200);
    t.equal(await welcome(app, cookie.replace('__Host-', '')), 401);
  },
);

t.test('both demo users sign in, each as themselves', async (t) => {
  const app = await build(t);
  for (const n of [1, 2]) {
    const cookie = await signIn(app, { username: `user${n}`, password: `password${n}` });
    const { body } = await app.inject({ url: '/welcome', headers: { cookie } });
    t.equal(body, `Welcome user${n}!`);
  }
});

t.test('a body that is no object, or a field that is no string or too long, is 400 and says which', async (t) => {
  const app = await build(t);
  const cases: [unknown, string][] = [
    [[], 'body must be object'],
    ['"text"', 'body must be object'],
    ['null', 'body must be object'],
    [undefined, 'body must be object'],
    [{ username: 1, password: 'password1' }, 'body/username must be string'],
    [{ username: null }, 'body/username must be string'],
    [{ username: 'user1', password: ['password1'] }, 'body/password must be string'],
    [{ username: 'user1', password: { $ne: '' } }, 'body/password must be string'],
    [{ username: 'x'.repeat(257) }, 'body/username must NOT have more than 256 characters'],
    [{ password: 'x'.repeat(1025) }, 'body/password must NOT have more than 1024 characters'],
  ];
  for (const [payload, reason] of cases) {
    const response = await app.inject({
      method: 'POST',
      url: '/signin',
      headers: { 'content-type': 'application/json' },
      ...(payload === undefined ? {} : { payload: payload as object }),
    });
    t.match(response.json(), {
      statusCode: 400,
      code: 'INVALID_INPUT',
      message: `Invalid input: ${reason}`,
    });
  }
});

t.test('the same field twice in a form is 400', async (t) => {
  const app = await build(t);
  const response = await app.inject({
    method: 'POST',
    url: '/signin',
    payload: 'username=user1&username=user2&password=password1',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  t.equal(response.statusCode, 400);
});

t.test('limits count characters, not bytes or UTF-16 units', async (t) => {
  const app = await build(t);
  const payload = { username: '😀'.repeat(256), password: '😀'.repeat(1024) };
  t.equal((await app.inject({ method: 'POST', url: '/signin', payload })).statusCode, 401);
});

t.test('signing in ends the session that came along and adopts nothing of it (ASVS 7.2.4)', async (t) => {
  const app = await build(t);
  const before = await signIn(app);
  const elsewhere = await signIn(app);
  const after = await signIn(app, { username: 'user2', password: 'password2' }, { cookie: before });
  t.not(after.split('.')[0], before.split('.')[0]);
  t.equal(await welcome(app, before), 401);
  t.equal(await welcome(app, elsewhere), 200);
  t.equal(await welcome(app, after), 200);
});

t.test('a token that an attacker chose is not adopted', async (t) => {
  const app = await build(t);
  const planted = `session_token=${'A'.repeat(22)}.${'B'.repeat(43)}`;
  const cookie = await signIn(app, USER1, { cookie: planted });
  t.not(cookie, planted);
  t.equal(await welcome(app, planted), 401);
});

t.test('a refused sign-in leaves the session that came along alone', async (t) => {
  const app = await build(t);
  const cookie = await signIn(app);
  const payload = { username: 'user1', password: 'wrong' };
  t.equal((await app.inject({ method: 'POST', url: '/signin', payload, headers: { cookie } })).statusCode, 401);
  t.equal(await welcome(app, cookie), 200);
});

t.test('past MAX_SESSIONS it is 503 with Retry-After, and the sessions there go on', async (t) => {
  const clock = fakeClock();
  const app = await build(t, { clock, env: { MAX_SESSIONS: '2' } });
  const first = await signIn(app);
  await signIn(app);
  const full = await app.inject({ method: 'POST', url: '/signin', payload: USER1 });
  t.match(full.json(), { statusCode: 503, code: 'STORE_FULL' });
  t.match(full.headers['retry-after'], /^\d+$/);
  t.equal(full.headers['set-cookie'], undefined);
  t.equal(await welcome(app, first), 200);
  await app.inject({ url: '/logout', headers: { cookie: first } });
  t.equal(await welcome(app, await signIn(app)), 200, 'a place given up is free');
  clock.advance(120_000);
  t.equal(await welcome(app, await signIn(app)), 200, 'and so is that of an expired session');
});

t.test('it remembers the browser by a second cookie, which opens nothing (ASVS 3.3.5)', async (t) => {
  const clock = fakeClock();
  const app = await build(t, { clock });
  const first = await app.inject({ method: 'POST', url: '/signin', payload: USER1 });
  t.match(
    setCookies(first)[1],
    /^device_token=[\w-]{22}\.\d+\.[\w-]{43}; Max-Age=15552000; Path=\/; Expires=Sun, 30 Jun 2030 12:00:00 GMT; HttpOnly; SameSite=Lax$/,
  );
  const device = cookieOf(first, 'device_token');
  t.equal(await welcome(app, device), 401);
  t.equal(await welcome(app, device.replace('device', 'session')), 401);
  clock.advance(60_000);
  const second = await app.inject({
    method: 'POST',
    url: '/signin',
    payload: USER1,
    headers: { cookie: device },
  });
  const [id, issuedAt] = cookieOf(second, 'device_token').split('.');
  t.equal(id, device.split('.')[0], 'it stays the same browser');
  t.equal(Number(issuedAt), clock(), 'for half a year more');
});

t.test('a password does not age (ASVS 6.2.10)', async (t) => {
  const clock = fakeClock();
  const app = await build(t, { clock });
  clock.advance(50 * 365 * 86_400_000);
  t.equal(await welcome(app, await signIn(app)), 200);
});
