import t from 'tap';
import { MemorySessionStore } from '../src/stores/memory-session-store.ts';
import { build, cookieOf, doctored, signIn, welcome } from './helper.ts';

// Rule 5 of the design: only `create` brings a record into being, every other write is conditional.

t.test('a refresh in flight during logout does not bring the session back', async (t) => {
  const inner = new MemorySessionStore();
  let pause: Promise<void> | undefined;
  let reached = () => {};
  const sessionStore = doctored(inner, {
    replace: async (next, expectedHash) => {
      reached();
      await pause;
      return inner.replace(next, expectedHash);
    },
  });
  const app = await build(t, { sessionStore });
  const cookie = await signIn(app);
  let resume = () => {};
  pause = new Promise((resolve) => {
    resume = resolve;
  });
  const atTheStore = new Promise<void>((resolve) => {
    reached = resolve;
  });

  const refreshing = app.inject({ method: 'POST', url: '/refresh', headers: { cookie } });
  await atTheStore;
  t.equal((await app.inject({ url: '/logout', headers: { cookie } })).statusCode, 200);
  resume();
  const refreshed = await refreshing;
  t.equal(refreshed.statusCode, 401);
  t.equal(refreshed.headers['set-cookie'], undefined);
  t.equal(inner.size, 0);
});

t.test('a logout in flight during a refresh ends the session that the refresh extended', async (t) => {
  const inner = new MemorySessionStore();
  let pause: Promise<void> | undefined;
  let reached = () => {};
  const sessionStore = doctored(inner, {
    remove: async (id) => {
      reached();
      await pause;
      return inner.remove(id);
    },
  });
  const app = await build(t, { sessionStore });
  const cookie = await signIn(app);
  let resume = () => {};
  pause = new Promise((resolve) => {
    resume = resolve;
  });
  const atTheStore = new Promise<void>((resolve) => {
    reached = resolve;
  });

  const leaving = app.inject({ url: '/logout', headers: { cookie } });
  await atTheStore;
  const refreshed = await app.inject({ method: 'POST', url: '/refresh', headers: { cookie } });
  t.equal(refreshed.statusCode, 200);
  resume();
  t.equal((await leaving).statusCode, 200);
  t.equal(await welcome(app, cookieOf(refreshed)), 401);
  t.equal(inner.size, 0);
});

t.test('under any mix of requests at once, what was ended stays ended', async (t) => {
  const app = await build(t);
  for (let round = 0; round < 20; round++) {
    const cookie = await signIn(app);
    const requests = Array.from({ length: 20 }, (_, i) => {
      const refresh = { method: 'POST', url: '/refresh', headers: { cookie } } as const;
      const logout = { method: 'GET', url: '/logout', headers: { cookie } } as const;
      return app.inject(i % 5 === round % 5 ? logout : refresh);
    });
    const responses = await Promise.all(requests);
    const issued = responses.filter(
      ({ body, statusCode }) => statusCode === 200 && body.includes('expiresAt'),
    );
    t.ok(issued.length <= 1);
    t.equal(await welcome(app, cookie), 401);
  }
});
