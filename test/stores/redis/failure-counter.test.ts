import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { testFailureCounter } from '../../../src/exports/testing.ts';
import type { SessionStore } from '../../../src/sessions/session-store.ts';
import { openStores } from '../../../src/stores/open-stores.ts';
import { RedisFailureCounter } from '../../../src/stores/redis/failure-counter.ts';
import { startRedis } from '../../helpers/redis-server.ts';
import { openTestStores } from '../../helpers/users.ts';
import { connect } from './connect.ts';

async function isBack(store: SessionStore): Promise<boolean> {
  try {
    await store.ping();
    return true;
  } catch {
    return false;
  }
}

t.test('conformance', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const connection = await connect(redis);
  await testFailureCounter(t.test, (name, windowSeconds) => new RedisFailureCounter(connection, name, windowSeconds));
  await connection.close();
});

t.test('all instances count together', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const [here, there] = [await openTestStores(t, redis.url), await openTestStores(t, redis.url)];
  await here.openFailureCounter('user', 900).increment('ann');
  t.match(await there.openFailureCounter('user', 900).increment('ann'), { failures: 2 });
});

t.test('while there is no server it rejects, and counts on when the server is back', async (t) => {
  // The count is on the disk before it is acknowledged, also while other tests keep the disk busy.
  const redis = await startRedis(t, ['--appendonly', 'yes', '--appendfsync', 'always']);
  if (redis === undefined) {
    return;
  }
  const stores = await openStores(redis.url, { timeoutMs: 100 });
  t.teardown(() => stores.sessions.close());
  const counter = stores.openFailureCounter('user', 900);
  await counter.increment('ann');
  await redis.kill();
  for (const call of ['get', 'increment', 'decrement', 'take'] as const) {
    await t.rejects(async () => counter[call]('ann', 'window', 1), call);
  }
  await redis.restart();
  while (!(await isBack(stores.sessions))) {
    await sleep(10);
  }
  t.match(await counter.increment('ann'), { failures: 2 });
});
