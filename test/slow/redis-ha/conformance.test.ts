import { randomUUID } from 'node:crypto';
import t from 'tap';
import { testFailureCounter, testSessionStore, testUserStore } from '../../../src/exports/testing.ts';
import { RedisFailureCounter } from '../../../src/stores/redis/failure-counter.ts';
import { RedisSessionStore } from '../../../src/stores/redis/session-store.ts';
import { RedisUserStore } from '../../../src/stores/redis/user-store.ts';
import { startCluster } from '../../helpers/redis-group.ts';
import { connect } from '../../stores/redis/connect.ts';

t.test('the stores keep their contracts on a cluster of three primaries, near cache included', async (t) => {
  const group = await startCluster(t, '{test:}', { replicas: 0 });
  if (group === undefined) {
    return;
  }
  const open = () => connect(group, { keyPrefix: `${randomUUID()}:` });
  await testSessionStore(t.test, async () => new RedisSessionStore(await open()));
  await testUserStore(t.test, async () => new RedisUserStore(await open()));
  const connection = await open();
  t.teardown(() => connection.close());
  await testFailureCounter(t.test, (name, windowSeconds) => new RedisFailureCounter(connection, name, windowSeconds));
});
