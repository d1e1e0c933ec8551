import t from 'tap';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { build, cookieOf, fakeClock, signIn, spyStore, USER1, welcome } from '../helpers/service.ts';

const CLEARED = 'session_token=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax';

for (const method of ['GET', 'POST'] as const) {
  t.test(`${method} /logout ends the session in the store and clears the cookie (NIST 5.1)`, async (t) => {
    const sessionStore = new MemorySessionStore();
    const app = await build(t, { sessionStore });
    const cookie = await signIn(app);
    const response = await app.inject({ method, url: '/logout', headers: { cookie } });
    t.equal(response.statusCode, 200);
    t.same(response.json(), { message: 'Signed out.' });
    t.equal(response.headers['set-cookie'], CLEARED);
    t.equal(sessionStore.size, 0);
    t.equal(await welcome(app, cookie), 401);
  });

  t.test(`${method} /logout without a session cookie is 401`, async (t) => {
    const app = await build(t);
    for (const headers of [{}, { cookie: 'theme=dark' }]) {
      const response = await app.inject({ method, url: '/logout', headers });
      t.match(response.json(), { statusCode: 401, code: 'NOT_SIGNED_IN' });
      t.equal(response.headers['set-cookie'], undefined);
    }
  });

  t.test(`${method} /logout with a token that opens nothing is 200 all the same`, async (t) => {
    const clock = fakeClock();
    const app = await build(t, { clock });
    const expired = await signIn(app);
    clock.advance(120_000);
    const cookies = [
      expired,
      `session_token=${'A'.repeat(22)}.${'B'.repeat(43)}`,
      'session_token=garbage',
      'session_token=',
    ];
    for (const cookie of cookies) {
      const response = await app.inject({ method, url: '/logout', headers: { cookie } });
      t.equal(response.statusCode, 200, cookie);
      t.equal(response.headers['set-cookie'], CLEARED);
    }
  });
}

t.test('with several session cookies, whichever is live is ended', async (t) => {
  const app = await build(t);
  const [first, second] = [await signIn(app), await signIn(app)];
  const headers = { cookie: `${first}; session_token=planted; ${second}` };
  t.equal((await app.inject({ url: '/logout', headers })).statusCode, 200);
  t.same([await welcome(app, first), await welcome(app, second)], [401, 401]);
});

t.test("the session's id alone does not end it", async (t) => {
  const app = await build(t);
  const cookie = await signIn(app);
  const guess = `${cookie.split('.')[0]}.${'A'.repeat(43)}`;
  t.equal((await app.inject({ url: '/logout', headers: { cookie: guess } })).statusCode, 200);
  t.equal(await welcome(app, cookie), 200);
});

t.test('whoever signs out while another tab refreshes is signed out, whichever comes first', async (t) => {
  const app = await build(t);
  for (let round = 0; round < 20; round++) {
    const cookie = await signIn(app);
    const headers = { cookie };
    const refresh = () => app.inject({ method: 'POST', url: '/refresh', headers });
    const logOut = () => app.inject({ method: 'POST', url: '/logout', headers });
    const [refreshed] = await Promise.all(round % 2 === 0 ? [refresh(), logOut()] : [logOut().then(refresh)]);
    t.equal(await welcome(app, cookie), 401);
    t.equal(await welcome(app, refreshed.statusCode === 200 ? cookieOf(refreshed) : cookie), 401);
  }
});

t.test(
  'GET /logout is for a person who opens it: no prefetch, image or script ends a session (ASVS 3.5.3)',
  async (t) => {
    const app = await build(t);
    const cookie = await signIn(app);
    const loads = [
      { 'sec-purpose': 'prefetch' },
      { 'sec-purpose': 'prefetch;prerender', 'sec-fetch-dest': 'document' },
      { 'sec-fetch-dest': 'image', 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-dest': 'script' },
      { 'sec-fetch-dest': 'iframe' },
    ];
    for (const load of loads) {
      const response = await app.inject({ url: '/logout', headers: { cookie, ...load } });
      t.match(response.json(), { statusCode: 403, code: 'NOT_A_NAVIGATION' }, JSON.stringify(load));
    }
    t.equal((await app.inject({ method: 'HEAD', url: '/logout', headers: { cookie } })).statusCode, 405);
    t.equal(await welcome(app, cookie), 200);
    for (const dest of ['document', 'empty']) {
      const own = { cookie: await signIn(app), 'sec-fetch-dest': dest, 'sec-fetch-site': 'same-origin' };
      t.equal((await app.inject({ url: '/logout', headers: own })).statusCode, 200);
    }
  },
);

t.test(
  'a request with more session cookies than a browser can have ends nothing, and is one line in the log',
  async (t) => {
    const log: string[] = [];
    const { store, calls } = spyStore(t);
    const app = await build(t, { log, sessionStore: store, env: { LOG_LEVEL: 'info' } });
    const live = await signIn(app);
    calls.length = 0;
    log.length = 0;
    const madeUp = Array.from(
      { length: 165 },
      (_, i) => `session_token=${String(i).padStart(22, 'a')}.${'b'.repeat(43)}`,
    );
    const headers = { cookie: [live, ...madeUp].join('; ') };
    const response = await app.inject({ method: 'POST', url: '/logout', headers });
    t.match(response.json(), { statusCode: 401, code: 'SEVERAL_SESSION_COOKIES' });
    t.same(calls, []);
    t.equal(log.length, 1);
    t.match(JSON.parse(log[0] ?? '{}'), {
      event: 'input_validation_fail',
      reason: 'several session cookies',
      count: 166,
    });
    t.equal(await welcome(app, live), 200);
    const again = await app.inject({ method: 'POST', url: '/signin', payload: USER1, headers });
    t.equal(again.statusCode, 200, 'signing in works, and looks at a few of them');
    t.ok(calls.filter((name) => name === 'find').length < 12);
  },
);
