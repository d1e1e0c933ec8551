import t from 'tap';
import { startRedis } from '../helpers/redis-server.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';
import { refreshAndFollow, startTwo } from '../helpers/two-instances.ts';

// A client may reach any instance with a token that another one issued a millisecond ago. The quick version is in
// test/scenarios/instances-share-one-store.test.ts.

const ROUNDS = 500;

t.test('a new token is valid on the other instance at once, with LMDB', async (t) => {
  const instances = await startTwo(t, `lmdb:${temporaryDirectory(t)}/data`);
  t.same(await refreshAndFollow(instances, ROUNDS), []);
});

t.test('a new token is valid on the other instance at once, with Redis', async (t) => {
  const redis = await startRedis(t);
  if (redis) {
    t.same(await refreshAndFollow(await startTwo(t, redis.url), ROUNDS), []);
  }
});
