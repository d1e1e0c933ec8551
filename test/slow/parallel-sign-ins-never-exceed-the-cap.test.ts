import type { FastifyInstance } from 'fastify';
import t, { type Test } from 'tap';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { startRedis } from '../helpers/redis-server.ts';
import {
  ANN,
  type BuildOptions,
  build,
  cookieOf,
  fakeClock,
  sessionIdOf,
  signIn,
  stubStore,
  USER1,
  USER2,
  welcome,
} from '../helpers/service.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';
import { addUser, openTestStores } from '../helpers/users.ts';

// A user has at most SESSIONS_PER_USER sessions: one more ends the oldest. After any number of concurrent sign-ins, on
// any number of instances, exactly that many remain.

const CAP = 3;
const AT_ONCE = 10;
const ROUNDS = 10;

const aliveOf = async (app: FastifyInstance, cookies: string[]) => {
  const statuses = await Promise.all(cookies.map((cookie) => welcome(app, cookie)));
  return cookies.filter((_, i) => statuses[i] === 200);
};

/** Signs in many times at once, on all instances in turn, and counts what remains, round by round. */
async function race(t: Test, apps: FastifyInstance[]): Promise<void> {
  const [app] = apps as [FastifyInstance];
  const listed = async (cookie: string) => (await app.inject({ url: '/sessions', headers: { cookie } })).json().length;
  const won = new Set<number>();
  let before: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const signIns = Array.from({ length: AT_ONCE }, (_, i) => signIn(apps[i % apps.length] as FastifyInstance, ANN));
    const cookies = await Promise.all(signIns);
    const alive = await aliveOf(app, cookies);
    t.equal(alive.length, CAP, 'no more than the cap, and no fewer');
    t.same(await aliveOf(app, before), [], 'the oldest are those of the round before');
    t.equal(await listed(alive[0] as string), CAP);
    for (const cookie of alive) {
      won.add(cookies.indexOf(cookie));
    }
    before = alive;
  }
  t.comment(`${ROUNDS} rounds of ${AT_ONCE} at once: ${CAP} winners each, ${won.size} different ones in all`);
}

async function raceOnTwo(t: Test, storeUrl: string): Promise<void> {
  await addUser(await openTestStores(t, storeUrl), ANN);
  const env = { STORE_URL: storeUrl, SESSIONS_PER_USER: String(CAP) };
  await race(t, [await build(t, { env }), await build(t, { env })]);
}

t.test('in memory', async (t) => {
  const stores = await openTestStores(t, 'memory:');
  await addUser(stores, ANN);
  await race(t, [await build(t, { userStore: stores.users, env: { SESSIONS_PER_USER: String(CAP) } })]);
});

t.test('on two instances with one LMDB database', (t) => raceOnTwo(t, `lmdb:${temporaryDirectory(t)}/data`));

t.test('on two instances with one Redis server', async (t) => {
  const redis = await startRedis(t);
  if (redis) {
    await raceOnTwo(t, redis.url);
  }
});

async function capped(t: Test, options: BuildOptions = {}) {
  const clock = fakeClock();
  const app = await build(t, { clock, ...options, env: { SESSIONS_PER_USER: '2', ...options.env } });
  const signInLater = (headers = {}) => {
    clock.advance(1000);
    return signIn(app, undefined, headers);
  };
  return { app, clock, signInLater };
}

t.test('one more than the cap ends the oldest, whichever was used last, and the log says so', async (t) => {
  const log: string[] = [];
  const { app, clock, signInLater } = await capped(t, { log, env: { LOG_LEVEL: 'info' } });
  const [oldest, second] = [await signInLater(), await signInLater()];
  clock.advance(1000);
  const refreshed = cookieOf(await app.inject({ method: 'POST', url: '/refresh', headers: { cookie: oldest } }));
  const third = await signInLater();
  t.same(await Promise.all([refreshed, second, third].map((cookie) => welcome(app, cookie))), [401, 200, 200]);
  const sessionId = sessionIdOf(oldest);
  const ended = log.map((line) => JSON.parse(line)).filter(({ event }) => event === 'session_expired');
  t.match(ended, [{ sessionId, username: 'user1', reason: 'too many sessions' }]);
  t.equal(ended.length, 1);
});

t.test('neither an expired session nor the one that is replaced counts', async (t) => {
  const { app, clock, signInLater } = await capped(t);
  await signInLater();
  clock.advance(120_000);
  const [first, second] = [await signInLater(), await signInLater()];
  const again = await signInLater({ cookie: second });
  t.same(await Promise.all([first, second, again].map((cookie) => welcome(app, cookie))), [200, 401, 200]);
});

t.test('another user’s sessions are not counted', async (t) => {
  const { app, signInLater } = await capped(t);
  const [first, second] = [await signInLater(), await signInLater()];
  await signIn(app, USER2);
  t.same(await Promise.all([first, second].map((cookie) => welcome(app, cookie))), [200, 200]);
});

t.test('a sign-in that cannot enforce the cap is 503 and leaves no session', async (t) => {
  const inner = new MemorySessionStore();
  t.teardown(() => inner.close());
  const sessionStore = stubStore(inner, {
    listByUser: () => {
      throw new Error('down');
    },
  });
  const app = await build(t, { sessionStore });
  const refused = await app.inject({
    method: 'POST',
    url: '/signin',
    payload: USER1,
  });
  t.equal(refused.statusCode, 503);
  t.equal(refused.headers['set-cookie'], undefined);
  t.equal(inner.size, 0);
});
