import { once } from 'node:events';
import Fastify from 'fastify';
import t, { type Test } from 'tap';
import { requireSession, sessions } from '../../src/index.ts';
import { keepAlive } from '../helpers/keep-alive.ts';
import { startRedis } from '../helpers/redis-server.ts';
import { cookieOf } from '../helpers/service.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';
import { openTestStores } from '../helpers/users.ts';

/** An app that holds connections open. `ended` dispatches an event when the session of one of them ends. */
async function holdingApp(t: Test, storeUrl: string) {
  const app = Fastify();
  t.teardown(() => app.close());
  const ended = new EventTarget();
  const { sessions: store } = await openTestStores(t, storeUrl);
  await app.register(sessions, { store });
  app.post('/enter', async (_request, reply) => reply.startSession({ userId: '1', username: 'ann' }));
  app.post('/leave', async (_request, reply) => reply.signOut().then(() => 'bye'));
  app.get('/hold', { onRequest: requireSession }, async (request) => {
    request.onSessionEnd(() => ended.dispatchEvent(new Event('end')));
    return 'held';
  });
  return { app, ended };
}

async function endsElsewhere(t: Test, storeUrl: string): Promise<void> {
  keepAlive(t);
  const [here, there] = [await holdingApp(t, storeUrl), await holdingApp(t, storeUrl)];
  const headers = { cookie: cookieOf(await here.app.inject({ method: 'POST', url: '/enter' })) };
  t.equal((await here.app.inject({ url: '/hold', headers })).body, 'held');
  const told = once(here.ended, 'end');
  t.equal((await there.app.inject({ method: 'POST', url: '/leave', headers })).body, 'bye');
  await told;
  t.equal((await here.app.inject({ url: '/hold', headers })).statusCode, 401);
}

t.test('in LMDB, by another connection', async (t) => endsElsewhere(t, `lmdb:${temporaryDirectory(t)}`));

t.test('in Redis, by another connection', async (t) => {
  const redis = await startRedis(t);
  if (redis !== undefined) {
    await endsElsewhere(t, redis.url);
  }
});
