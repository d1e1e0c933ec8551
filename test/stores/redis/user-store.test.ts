import { randomUUID } from 'node:crypto';
import t from 'tap';
import { RedisUserStore } from '../../../src/stores/redis/user-store.ts';
import { startRedis } from '../../redis-server.ts';
import { userStoreConformance } from '../conformance.ts';
import { connect } from './connect.ts';

t.test('conformance', async (t) => {
  const redis = await startRedis(t);
  if (redis) {
    const open = async () => new RedisUserStore(await connect(redis, { keyPrefix: `${randomUUID()}*:` }));
    await userStoreConformance(t, open);
  }
});
