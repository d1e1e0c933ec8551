import t from 'tap';
import { StoreOpenError } from '../../src/stores/engine.ts';
import { LmdbSessionStore } from '../../src/stores/lmdb/session-store.ts';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { openStores } from '../../src/stores/open-stores.ts';
import { RedisSessionStore } from '../../src/stores/redis/session-store.ts';
import { closeStores } from '../../src/stores/stores.ts';
import { newUser } from '../../src/users/user-store.ts';
import { startRedis } from '../helpers/redis-server.ts';
import { record } from '../helpers/service.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';

t.test('the address says which engine keeps sessions and users', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const engines = {
    'memory:': MemorySessionStore,
    [`lmdb:${temporaryDirectory(t)}`]: LmdbSessionStore,
    [redis.url]: RedisSessionStore,
  };
  for (const [url, Engine] of Object.entries(engines)) {
    const stores = await openStores(url);
    t.ok(stores.sessions instanceof Engine, url);
    t.equal(await stores.sessions.create(record()), true);
    t.equal(await stores.users.create(newUser('user1', '$hash')), true);
    t.match(await stores.users.find('user1'), { passwordHash: 'hash' });
    await closeStores(stores);
    await t.rejects(async () => stores.users.find('user1'));
  }
});

t.test('an address of nothing, and a store that cannot be opened, are said so', async (t) => {
  await t.rejects(openStores('mongodb://localhost'), TypeError);
  await t.rejects(openStores('lmdb:/dev/null'), StoreOpenError);
});

t.test('a server that is not there is told of nobody unless somebody listens', async (t) => {
  const stores = await openStores('redis://127.0.0.1:1');
  await t.rejects(async () => stores.sessions.ping(), { message: 'no connection to the Redis server' });
  await closeStores(stores);
});

t.test('options that make no sense are refused', async (t) => {
  for (const options of [{ timeoutMs: Number.NaN }, { keyPrefix: '' }, { log: {} }, { bogus: 1 }]) {
    await t.rejects(openStores('memory:', options as never), { message: /^openStores: / }, JSON.stringify(options));
  }
  await t.rejects(openStores('memory:', { log: 'redis://:secret@host' } as never), { message: /log is a string:/ });
});
