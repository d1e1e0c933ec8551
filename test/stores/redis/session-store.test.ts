import { randomUUID } from 'node:crypto';
import t from 'tap';
import { RedisSessionStore } from '../../../src/stores/redis/session-store.ts';
import { startRedis } from '../../redis-server.ts';
import { sessionStoreConformance } from '../conformance.ts';
import { connect } from './connect.ts';

t.test('conformance', async (t) => {
  const redis = await startRedis(t);
  if (redis) {
    const open = async () => new RedisSessionStore(await connect(redis, { keyPrefix: `${randomUUID()}*:` }));
    await sessionStoreConformance(t, open);
  }
});
