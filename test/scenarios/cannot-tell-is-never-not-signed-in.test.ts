import t from 'tap';
import type { SessionStore } from '../../src/sessions/session-store.ts';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import type { UserStore } from '../../src/users/user-store.ts';
import { build, fakeClock, signIn, stubStore, USER1, welcome } from '../helpers/service.ts';
import { SHORT_TIMEOUTS } from '../helpers/timeouts.ts';

// Rule 3 of the design: if a store is down or slow, the reply is 503 with Retry-After within a bounded time, and the
// cookie stays. It is never 401 and never a success.

const down = () => {
  throw new Error('down');
};
const failures = {
  'throws at once': down,
  rejects: async () => down(),
  // The test waits until the store's timeout expires.
  'never answers': () => new Promise<never>(() => {}),
};

/** Which routes need which method of the store. */
const needs = {
  create: [{ method: 'POST', url: '/signin', payload: USER1 }],
  find: [
    { method: 'GET', url: '/welcome' },
    { method: 'POST', url: '/refresh' },
    { method: 'POST', url: '/logout' },
    { method: 'POST', url: '/signin', payload: USER1 },
  ],
  replace: [{ method: 'POST', url: '/refresh' }],
  remove: [
    { method: 'GET', url: '/logout' },
    { method: 'POST', url: '/signin', payload: USER1 },
  ],
} as const;

for (const [how, fail] of Object.entries(failures)) {
  for (const [method, requests] of Object.entries(needs) as [keyof typeof needs, (typeof needs)['find']][]) {
    t.test(`a store whose ${method} ${how} is 503, and the session outlives it (ASVS 16.5.3)`, async (t) => {
      const inner = new MemorySessionStore();
      const sessionStore: SessionStore = stubStore(inner, {});
      const app = await build(t, { sessionStore, clock: fakeClock(), env: SHORT_TIMEOUTS });
      const cookie = await signIn(app);
      const works = sessionStore[method];
      for (const request of requests) {
        Object.assign(sessionStore, { [method]: fail });
        const response = await app.inject({ ...request, headers: { cookie } });
        t.match(response.json(), { statusCode: 503, code: 'STORE_UNAVAILABLE' }, request.url);
        t.match(response.headers['retry-after'], /^\d+$/);
        t.equal(response.headers['set-cookie'], undefined);
        t.notMatch(response.body, 'down');
        Object.assign(sessionStore, { [method]: works });
        t.equal(await welcome(app, cookie), 200);
      }
    });
  }
}

for (const [how, fail] of Object.entries(failures)) {
  t.test(`a user store whose find ${how} is 503 as well`, async (t) => {
    const userStore: UserStore = Object.assign(new MemoryUserStore(), { find: fail });
    const app = await build(t, { userStore, env: SHORT_TIMEOUTS });
    const response = await app.inject({ method: 'POST', url: '/signin', payload: USER1 });
    t.match(response.json(), { statusCode: 503, code: 'STORE_UNAVAILABLE' });
    t.match(response.headers['retry-after'], /^\d+$/);
  });
}

t.test('while the store is down, a request without a well-formed token is still 401', async (t) => {
  const sessionStore = stubStore(new MemorySessionStore(), { find: down });
  const app = await build(t, { sessionStore });
  for (const headers of [{}, { cookie: 'session_token=garbage' }]) {
    t.equal((await app.inject({ url: '/welcome', headers })).statusCode, 401);
  }
});
