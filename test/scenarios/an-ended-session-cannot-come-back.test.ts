import t from 'tap';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { build, cookieOf, signIn, stubStore, welcome } from '../helpers/service.ts';

// Rule 5 of the design: only `create` makes a record. Every other write is conditional.

/** A method of a store that, after `arm`, reports each call and waits for `release`. */
function pausable<A extends unknown[], T>(method: (...args: A) => T) {
  let arrive = () => {};
  let gate: Promise<void> | undefined;
  return {
    method: async (...args: A) => {
      arrive();
      await gate;
      return method(...args);
    },
    arm() {
      let release = () => {};
      gate = new Promise((resolve) => {
        release = resolve;
      });
      const reached = new Promise<void>((resolve) => {
        arrive = resolve;
      });
      return { reached, release };
    },
  };
}

t.test('a refresh in flight during logout does not bring the session back', async (t) => {
  const inner = new MemorySessionStore();
  const replace = pausable((...args: Parameters<typeof inner.replace>) => inner.replace(...args));
  const app = await build(t, { sessionStore: stubStore(inner, { replace: replace.method }) });
  const cookie = await signIn(app);

  const { reached, release } = replace.arm();
  const refreshing = app.inject({ method: 'POST', url: '/refresh', headers: { cookie } });
  await reached;
  t.equal((await app.inject({ url: '/logout', headers: { cookie } })).statusCode, 200);
  release();
  const refreshed = await refreshing;
  t.equal(refreshed.statusCode, 401);
  t.equal(refreshed.headers['set-cookie'], undefined);
  t.equal(inner.size, 0);
});

t.test('a logout in flight during a refresh ends the session that the refresh extended', async (t) => {
  const inner = new MemorySessionStore();
  const remove = pausable((id: string) => inner.remove(id));
  const app = await build(t, { sessionStore: stubStore(inner, { remove: remove.method }) });
  const cookie = await signIn(app);

  const { reached, release } = remove.arm();
  const leaving = app.inject({ url: '/logout', headers: { cookie } });
  await reached;
  const refreshed = await app.inject({ method: 'POST', url: '/refresh', headers: { cookie } });
  t.equal(refreshed.statusCode, 200);
  release();
  t.equal((await leaving).statusCode, 200);
  t.equal(await welcome(app, cookieOf(refreshed)), 401);
  t.equal(inner.size, 0);
});

t.test('under any mix of requests at once, what was ended stays ended (ASVS 7.4.1)', async (t) => {
  const app = await build(t);
  for (let round = 0; round < 20; round++) {
    const cookie = await signIn(app);
    const requests = Array.from({ length: 20 }, (_, i) => {
      const refresh = { method: 'POST', url: '/refresh', headers: { cookie } } as const;
      const logout = { method: 'GET', url: '/logout', headers: { cookie } } as const;
      return app.inject(i % 5 === round % 5 ? logout : refresh);
    });
    const responses = await Promise.all(requests);
    const issued = responses.filter(({ body, statusCode }) => statusCode === 200 && body.includes('expiresAt'));
    t.ok(issued.length <= 1);
    for (const refreshed of issued) {
      t.equal(await welcome(app, cookieOf(refreshed)), 401);
    }
    t.equal(await welcome(app, cookie), 401);
  }
});
