import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@redis/client';
import t, { type Test } from 'tap';
import { RedisSessionStore, type RedisSessionStoreOptions } from '../../../src/stores/redis/session-store.ts';
import { fakeClock, record } from '../../helper.ts';
import { type RedisProcess, startRedis } from '../../redis-server.ts';
import { startProxy } from '../../tcp-proxy.ts';
import { sessionStoreConformance } from '../conformance.ts';
import { connect } from './connect.ts';

async function open(t: Test, server: { url: string }, options: RedisSessionStoreOptions = {}) {
  const connection = await connect(server);
  const store = new RedisSessionStore(connection, options);
  t.teardown(() => store.close());
  return { store, connection };
}

/** Somebody at the server itself. */
async function operator(t: Test, { url }: RedisProcess) {
  const client = await createClient({ url }).connect();
  t.teardown(() => client.destroy());
  return client;
}

/** Finds it until it is at hand. */
async function keep(store: RedisSessionStore, id: string): Promise<void> {
  await until(async () => {
    const found = store.find(id);
    await found;
    return !(found instanceof Promise);
  });
}

/** Waits for real until something is so, for as long as a test may take. */
async function until(isSo: () => unknown): Promise<void> {
  while (!(await isSo())) {
    await sleep(5);
  }
}

t.test('conformance', async (t) => {
  const redis = await startRedis(t);
  if (redis) {
    const openNew = async () =>
      new RedisSessionStore(await connect(redis, { keyPrefix: `${randomUUID()}*:` }));
    await sessionStoreConformance(t, openNew);
  }
});

t.test('conformance on a cluster, which takes no command that touches two keys', async (t) => {
  const redis = await startRedis(t, ['--cluster-enabled', 'yes']);
  if (redis) {
    const client = await operator(t, redis);
    await client.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383']);
    await until(async () => /cluster_state:ok/.test(String(await client.sendCommand(['CLUSTER', 'INFO']))));
    const openNew = async () =>
      new RedisSessionStore(await connect(redis, { keyPrefix: `${randomUUID()}:` }));
    await sessionStoreConformance(t, openNew);
  }
});

t.test('every key ends by itself, a second after its session, and the index forgets', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const clock = fakeClock();
  const { store } = await open(t, redis, { clock });
  const client = await operator(t, redis);
  await store.create(record({ id: 'short', expiresAt: clock() + 50 }));
  await store.create(record({ expiresAt: clock() + 60_000 }));
  const isAbout = (ttl: number, wanted: number) => ttl > wanted - 5000 && ttl <= wanted;
  t.ok(isAbout(await client.pTTL('test:session:id'), 61_000));
  t.ok(isAbout(await client.pTTL('test:sessions-of:user1'), 61_000));
  await store.replace(record({ secretHash: 'next', expiresAt: clock() + 120_000 }), 'hash');
  t.ok(isAbout(await client.pTTL('test:session:id'), 121_000));
  t.ok(isAbout(await client.pTTL('test:sessions-of:user1'), 121_000));

  await until(async () => (await client.exists('test:session:short')) === 0);
  t.same((await client.zRange('test:sessions-of:user1', 0, -1)).sort(), ['id', 'short']);
  t.same(
    (await store.listByUser('user1')).map(({ id }) => id),
    ['id'],
  );
  await store.create(record({ id: 'new' }));
  t.same(
    (await client.zRange('test:sessions-of:user1', 0, -1)).sort(),
    ['id', 'new'],
    'trimmed as it is written',
  );
  await store.removeByUser('user1');
  t.equal(await client.dbSize(), 0);
});

t.test(
  'a session that was found before costs no round trip: it is answered while the server hangs',
  async (t) => {
    const redis = await startRedis(t);
    if (redis === undefined) {
      return;
    }
    const { store, connection } = await open(t, redis);
    await store.create(record());
    await until(() => connection.isCurrent);
    await store.find('id');
    redis.freeze();
    t.same(store.find('id'), record());
    redis.thaw();
  },
);

t.test('an ending or a refresh on one instance is seen by another', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { store: here } = await open(t, redis);
  const { store: there, connection } = await open(t, redis);
  await until(() => connection.isCurrent);
  const took: number[] = [];
  for (let round = 0; round < 300; round++) {
    const id = `round-${round}`;
    await here.create(record({ id }));
    await keep(there, id);
    await here.replace(record({ id, secretHash: 'next' }), 'hash');
    await until(async () => (await there.find(id))?.secretHash === 'next');
    await keep(there, id);
    await here.remove(id);
    const endedAt = performance.now();
    while ((await there.find(id)) !== undefined) {
      await new Promise(setImmediate);
    }
    took.push(performance.now() - endedAt);
  }
  took.sort((a, b) => a - b);
  t.comment(
    `refused elsewhere after ${took[150]?.toFixed(2)} ms (median), ${took.at(-1)?.toFixed(2)} ms (worst)`,
  );
});

t.test('what this instance ends or refreshes, it refuses at once', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { store, connection } = await open(t, redis);
  await until(() => connection.isCurrent);
  for (let round = 0; round < 100; round++) {
    await store.create(record());
    await store.find('id');
    // Reads that are under way when it is replaced must not leave the old version behind.
    const reads = [store.find('id'), store.find('id')];
    t.equal(await store.replace(record({ secretHash: 'next' }), 'hash'), true);
    t.equal((await store.find('id'))?.secretHash, 'next');
    await Promise.all(reads);
    t.equal((await store.find('id'))?.secretHash, 'next');
    await (round % 2 === 0 ? store.remove('id') : store.removeByUser('user1'));
    t.equal(await store.find('id'), undefined);
  }
});

t.test('what an operator deletes or flushes is gone, too', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { store, connection } = await open(t, redis);
  await until(() => connection.isCurrent);
  const client = await operator(t, redis);
  for (const end of [() => client.del('test:session:id'), () => client.flushAll()]) {
    await store.create(record());
    await store.find('id');
    await end();
    await until(async () => (await store.find('id')) === undefined);
  }
});

t.test('no connection that was cut or fell silent keeps an ended session alive', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { store: here } = await open(t, redis);
  const proxy = await startProxy(t, redis.port);
  const { store: there, connection } = await open(t, { url: `redis://127.0.0.1:${proxy.port}` });
  const client = await operator(t, redis);

  await until(() => connection.isCurrent);
  await here.create(record());
  await keep(there, 'id');
  await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes']);
  await until(() => !connection.isCurrent);
  await client.del('test:session:id');
  await until(() => connection.isCurrent);
  t.equal(await there.find('id'), undefined);

  await until(() => here.create(record()).catch(() => false));
  await keep(there, 'id');
  proxy.partition();
  await here.remove('id');
  const partedAt = performance.now();
  const find = async () => there.find('id');
  await until(async () => !(await find().catch(() => undefined)));
  t.ok(performance.now() - partedAt < 3000, 'a second, and what a busy machine adds');
  await t.rejects(find(), 'it cannot tell');
});

t.test('without a cache, every find asks the server', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { store, connection } = await open(t, redis, { cacheEntries: 0 });
  await until(() => connection.isCurrent);
  await store.create(record());
  await store.find('id');
  const again = store.find('id');
  t.type(again, Promise);
  t.same(await again, record());
});

t.test('a value that is not ours is a failure, not an absence', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { store } = await open(t, redis);
  const client = await operator(t, redis);
  await client.set('test:session:id', 'garbage');
  await t.rejects(async () => store.find('id'), SyntaxError);
});

t.test('an index that cannot be tidied up is no reason to say that an ending failed', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { store } = await open(t, redis);
  const client = await operator(t, redis);
  await store.create(record());
  await client.set('test:sessions-of:user1', 'not an index');
  t.equal(await store.remove('id'), true);
});
