import Fastify from 'fastify';
import t, { type Test } from 'tap';
import { requireSession, sessions } from '../../src/index.ts';
import { startRedis } from '../helpers/redis-server.ts';
import { cookieOf } from '../helpers/service.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';
import { LENIENT_TIMEOUTS } from '../helpers/timeouts.ts';
import { openTestStores } from '../helpers/users.ts';

type Counter = { n?: number };

/** An app that counts in the data of the session. */
async function countingApp(t: Test, storeUrl: string) {
  const app = Fastify();
  t.teardown(() => app.close());
  const stores = await openTestStores(t, storeUrl);
  const storeTimeoutMs = Number(LENIENT_TIMEOUTS.STORE_TIMEOUT_MS);
  await app.register(sessions, { store: stores.sessions, storeTimeoutMs });
  app.post('/enter', async (_request, reply) => reply.startSession({ userId: '1', username: 'ann' }));
  app.post('/refresh', async (_request, reply) => reply.refreshSession());
  app.post('/count', { onRequest: requireSession }, async (request) =>
    request.updateSession((data: Counter) => ({ ...data, n: (data.n ?? 0) + 1 })),
  );
  return app;
}

/** 100 concurrent increments over two instances of an app, while one of them also refreshes. */
async function countTo100(t: Test, [storeUrl, secondUrl = storeUrl]: readonly [string, string?]) {
  const here = await countingApp(t, storeUrl);
  const there = secondUrl === 'memory:' ? here : await countingApp(t, secondUrl);
  const cookie = cookieOf(await here.inject({ method: 'POST', url: '/enter' }));
  const post = (app: typeof here, url: string) => app.inject({ method: 'POST', url, headers: { cookie } });
  const replies = await Promise.all(Array.from({ length: 100 }, (_, i) => post(i % 2 ? here : there, '/count')));
  const refused = replies.filter(({ statusCode }) => statusCode !== 200);
  t.same(
    refused.map(({ body }) => body),
    [],
  );
  const refreshed = await post(there, '/refresh');
  t.equal(refreshed.json().data.n, 100);

  const counts = Array.from({ length: 20 }, () =>
    here.inject({ method: 'POST', url: '/count', headers: { cookie: cookieOf(refreshed) } }),
  );
  const renewed = await there.inject({ method: 'POST', url: '/refresh', headers: { cookie: cookieOf(refreshed) } });
  t.equal(renewed.statusCode, 200, 'a change of the data is no reason to refuse a refresh');
  const accepted = (await Promise.all(counts)).filter(({ statusCode }) => statusCode === 200).length;
  const last = await here.inject({ method: 'POST', url: '/count', headers: { cookie: cookieOf(renewed) } });
  t.equal(last.json().data.n, 100 + accepted + 1);
}

t.test('in memory', async (t) => countTo100(t, ['memory:']));

t.test('in LMDB, from two connections', async (t) => countTo100(t, [`lmdb:${temporaryDirectory(t)}`]));

t.test('in Redis, from two connections', async (t) => {
  const redis = await startRedis(t);
  if (redis !== undefined) {
    await countTo100(t, [redis.url]);
  }
});
