import t from 'tap';
import { openRedis } from '../../../src/exports/redis.ts';

t.test('a URL of another engine, or an option that does not exist, is a TypeError', async (t) => {
  for (const url of ['memory:', 'lmdb:./data', undefined]) {
    await t.rejects(openRedis(url as string), {
      name: 'TypeError',
      message: /^openRedis: the URL must be that of a Redis server/,
    });
  }
  await t.rejects(openRedis('redis://localhost', { prefix: 'a:' } as object), {
    message: /option prefix does not exist/,
  });
});
