import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify';
import t, { type Test } from 'tap';
import { requireSession, sessions } from '../../src/index.ts';
import { challengeOf, HOST_COOKIE, newDevice, type Refresh, refreshBy } from '../helpers/device.ts';
import { startRedis } from '../helpers/redis-server.ts';
import { cookieOf, sessionIdOf } from '../helpers/service.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';
import { LENIENT_TIMEOUTS } from '../helpers/timeouts.ts';
import { openTestStores } from '../helpers/users.ts';

// Whatever happens to a session at the same moment, on any instance: it is bound to the key of its own browser or to none, a
// bound session stays bound, and an ended one stays ended.

const ROUNDS = 10;

async function bindingApp(t: Test, storeUrl: string): Promise<FastifyInstance> {
  const app = Fastify();
  t.teardown(() => app.close());
  const { sessions: store } = await openTestStores(t, storeUrl);
  const storeTimeoutMs = Number(LENIENT_TIMEOUTS.STORE_TIMEOUT_MS);
  await app.register(sessions, { store, storeTimeoutMs, cookie: { secure: true }, deviceBound: true });
  app.post('/enter', async (_request, reply) => reply.startSession({ userId: '1', username: 'ann' }));
  app.post('/refresh', async (_request, reply) => reply.refreshSession());
  app.post('/leave', async (_request, reply) => reply.signOut());
  app.get('/session', { onRequest: requireSession }, async ({ session }) => session);
  app.post('/count', { onRequest: requireSession }, async (request) =>
    request.updateSession((data) => ({ ...data, n: 1 })),
  );
  return app;
}

/** Two instances of an app on one store. */
async function openTwo(t: Test, storeUrl: string) {
  const here = await bindingApp(t, storeUrl);
  const there = storeUrl === 'memory:' ? here : await bindingApp(t, storeUrl);
  const enter = async () => {
    const response = await here.inject({ method: 'POST', url: '/enter' });
    const cookie = cookieOf(response, HOST_COOKIE);
    return { cookie, id: sessionIdOf(cookie), challenge: challengeOf(response) };
  };
  const post = (app: FastifyInstance, url: string, cookie: string) =>
    app.inject({ method: 'POST', url, headers: { cookie } });
  return { here, there, enter, post };
}

type Two = Awaited<ReturnType<typeof openTwo>>;

const statuses = (responses: readonly LightMyRequestResponse[]) =>
  responses.map(({ statusCode }) => statusCode).sort((a, b) => a - b);

/** Sends the same refresh to both instances, twice. */
function refreshEverywhere({ here, there }: Two, refresh: Refresh): Promise<LightMyRequestResponse[]> {
  return Promise.all([here, there, here, there].map((app) => refreshBy(app, refresh)));
}

async function registrationAmongOthers(t: Test, two: Two): Promise<void> {
  const { here, there, enter, post } = two;
  const device = newDevice();
  const { cookie, id, challenge } = await enter();
  const [registered, thief, ...others] = await Promise.all([
    refreshBy(here, { proof: device.register(challenge) }),
    refreshBy(there, { proof: newDevice().register(cookie.split('=')[1] as string), cookie }),
    ...[here, there].flatMap((app) => ['/refresh', '/count', '/refresh'].map((url) => post(app, url, cookie))),
  ]);
  t.equal(registered.statusCode, 200);
  t.equal(thief.statusCode, 403, 'a copied token binds no key');
  for (const response of others) {
    t.match(response.statusCode, /^(200|401|403)$/);
  }
  const bound = cookieOf(registered, HOST_COOKIE);
  t.match((await there.inject({ url: '/session', headers: { cookie: bound } })).json(), { id, bound: true });
  t.equal((await post(there, '/refresh', bound)).statusCode, 403);
  const proof = device.prove(challengeOf(await refreshBy(there, { id })));
  t.same(statuses(await refreshEverywhere(two, { id, proof })), [200, 403, 403, 403], 'a proof is good for one token');
}

async function oneKeyIsBound(t: Test, two: Two): Promise<void> {
  const { id, challenge } = await two.enter();
  const devices = [newDevice(), newDevice()] as const;
  const replies = await Promise.all(
    [two.here, two.there].map((app, i) => refreshBy(app, { proof: devices[i]?.register(challenge) as string })),
  );
  t.same(statuses(replies), [200, 403]);
  const winner = replies.findIndex(({ statusCode }) => statusCode === 200);
  for (const [index, device] of devices.entries()) {
    const proof = device.prove(challengeOf(await refreshBy(two.here, { id })));
    t.equal((await refreshBy(two.there, { id, proof })).statusCode, index === winner ? 200 : 403);
  }
}

async function endedStaysEnded(t: Test, { here, there, enter, post }: Two): Promise<void> {
  const device = newDevice();
  const { cookie, id, challenge } = await enter();
  const proof = device.register(challenge);
  const [left, registered] = await Promise.all([post(there, '/leave', cookie), refreshBy(here, { proof })]);
  t.equal(left.statusCode, 200);
  t.match(registered.statusCode, /^(200|401|403)$/);
  t.equal((await refreshBy(there, { id })).statusCode, 401);

  const next = await enter();
  const bound = cookieOf(await refreshBy(here, { proof: device.register(next.challenge) }), HOST_COOKIE);
  const answer = device.prove(challengeOf(await refreshBy(here, { id: next.id })));
  const [, refreshed] = await Promise.all([
    post(there, '/leave', bound),
    refreshBy(here, { id: next.id, proof: answer }),
  ]);
  const last = refreshed.statusCode === 200 ? cookieOf(refreshed, HOST_COOKIE) : bound;
  t.equal((await here.inject({ url: '/session', headers: { cookie: last } })).statusCode, 401);
  t.equal((await refreshBy(here, { id: next.id })).statusCode, 401);
}

async function race(t: Test, storeUrl: string): Promise<void> {
  const two = await openTwo(t, storeUrl);
  for (let round = 0; round < ROUNDS; round++) {
    await registrationAmongOthers(t, two);
    await oneKeyIsBound(t, two);
    await endedStaysEnded(t, two);
  }
}

t.test('in memory', async (t) => race(t, 'memory:'));

t.test('in LMDB, from two connections', async (t) => race(t, `lmdb:${temporaryDirectory(t)}`));

t.test('in Redis, from two connections', async (t) => {
  const redis = await startRedis(t);
  if (redis !== undefined) {
    await race(t, redis.url);
  }
});
