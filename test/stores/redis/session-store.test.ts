import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { testSessionStore } from '../../../src/exports/testing.ts';
import type { SessionRecord } from '../../../src/sessions/session.ts';
import { openStores } from '../../../src/stores/open-stores.ts';
import { RedisSessionStore, type RedisSessionStoreOptions } from '../../../src/stores/redis/session-store.ts';
import { closeStores } from '../../../src/stores/stores.ts';
import { operator, startRedis } from '../../helpers/redis-server.ts';
import { fakeClock, owner, record, version } from '../../helpers/service.ts';
import { startProxy } from '../../helpers/tcp-proxy.ts';
import { connect } from './connect.ts';

async function open(t: Test, server: { url: string }, options: RedisSessionStoreOptions = {}, timeoutMs?: number) {
  const connection = await connect(server, timeoutMs ? { timeoutMs } : {});
  const store = new RedisSessionStore(connection, options);
  t.teardown(() => store.close());
  return { store, connection };
}

/** Finds a record until the cache has it. */
async function keep(store: RedisSessionStore, id: string): Promise<void> {
  await until(async () => {
    const found = store.find(id);
    await found;
    return !(found instanceof Promise);
  });
}

/** Waits until a condition holds, or until tap stops the test file. */
async function until(isSo: () => unknown): Promise<void> {
  while (!(await isSo())) {
    await sleep(5);
  }
}

/** The conformance tests are not about timeouts. On a busy machine, 2,500 commands at once take longer than the default. */
const PATIENT_MS = 10_000;

t.test('conformance', async (t) => {
  const redis = await startRedis(t);
  if (redis) {
    const openNew = async () =>
      new RedisSessionStore(await connect(redis, { keyPrefix: `${randomUUID()}*:`, timeoutMs: PATIENT_MS }));
    await testSessionStore(t.test, openNew);
  }
});

t.test('conformance on a cluster, which takes no command that touches two keys', async (t) => {
  const redis = await startRedis(t, ['--cluster-enabled', 'yes']);
  if (redis) {
    const client = await operator(t, redis);
    await client.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383']);
    await until(async () => /cluster_state:ok/.test(String(await client.sendCommand(['CLUSTER', 'INFO']))));
    const openNew = async () =>
      new RedisSessionStore(await connect(redis, { keyPrefix: `${randomUUID()}:`, timeoutMs: PATIENT_MS }));
    await testSessionStore(t.test, openNew);
  }
});

t.test('every key expires a second after its session, and the index drops it', async (t) => {
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
  await store.replace(record({ secretHash: 'next', expiresAt: clock() + 120_000 }), version('hash'));
  t.ok(isAbout(await client.pTTL('test:session:id'), 121_000));
  t.ok(isAbout(await client.pTTL('test:sessions-of:user1'), 121_000));

  await until(async () => (await client.exists('test:session:short')) === 0);
  t.same((await client.zRange('test:sessions-of:user1', 0, -1)).sort(), ['id', 'short']);
  t.same(
    (await store.listByUser(owner('user1'))).map(({ session }) => session.id),
    ['id'],
  );
  await store.create(record({ id: 'new' }));
  t.same((await client.zRange('test:sessions-of:user1', 0, -1)).sort(), ['id', 'new'], 'trimmed as it is written');
  await store.removeByUser(owner('user1'));
  t.same(await client.keys('*'), ['test:probe'], 'only the key for the check of tracking');
});

t.test('a clock that is passed in tells the time to live', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const clock = fakeClock();
  const stores = await openStores(redis.url, { clock });
  t.teardown(() => closeStores(stores));
  await stores.sessions.create(record({ expiresAt: clock() + 60_000 }));
  const ttl = await (await operator(t, redis)).pTTL('login:session:id');
  t.ok(ttl > 55_000 && ttl <= 61_000);
});

t.test('a session that was found before needs no round trip: it is found while the server hangs', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { store, connection } = await open(t, redis);
  await store.create(record());
  await until(() => connection.hasLease);
  await store.find('id');
  redis.freeze();
  t.same(store.find('id'), record());
  redis.thaw();
});

t.test('the end or the refresh of a session is seen by another instance', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { store: here } = await open(t, redis);
  const { store: there, connection } = await open(t, redis);
  await until(() => connection.hasLease);
  const took: number[] = [];
  for (let round = 0; round < 300; round++) {
    const id = `round-${round}`;
    await here.create(record({ id }));
    await keep(there, id);
    await here.replace(record({ id, secretHash: 'next' }), version('hash'));
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
  t.comment(`rejected elsewhere after ${took[150]?.toFixed(2)} ms (median), ${took.at(-1)?.toFixed(2)} ms (worst)`);
});

t.test('an instance sees its own removals and refreshes at once', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { store, connection } = await open(t, redis);
  await until(() => connection.hasLease);
  for (let round = 0; round < 100; round++) {
    await store.create(record());
    await store.find('id');
    // Reads that are under way during the replacement must not leave the old version in the cache.
    const reads = [store.find('id'), store.find('id')];
    t.equal(await store.replace(record({ secretHash: 'next' }), version('hash')), true);
    t.equal((await store.find('id'))?.secretHash, 'next');
    await Promise.all(reads);
    t.equal((await store.find('id'))?.secretHash, 'next');
    await (round % 2 === 0 ? store.remove('id') : store.removeByUser(owner('user1')));
    t.equal(await store.find('id'), undefined);
  }
});

t.test('keys that an operator deletes or flushes are gone as well', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { store, connection } = await open(t, redis);
  await until(() => connection.hasLease);
  const client = await operator(t, redis);
  for (const end of [() => client.del('test:session:id'), () => client.flushAll()]) {
    await store.create(record());
    await store.find('id');
    await end();
    await until(async () => (await store.find('id')) === undefined);
  }
});

t.test('an ended session stays ended for an instance whose connection is cut or silent', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { store: here } = await open(t, redis);
  const proxy = await startProxy(t, redis.port);
  const { store: there, connection } = await open(t, { url: `redis://127.0.0.1:${proxy.port}` }, {}, 500);
  const client = await operator(t, redis);

  await until(() => connection.hasLease);
  await here.create(record());
  await keep(there, 'id');
  await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes']);
  await until(() => !connection.hasLease);
  await client.del('test:session:id');
  await until(() => connection.hasLease);
  t.equal(await there.find('id'), undefined);

  await until(() => here.create(record()).catch(() => false));
  await keep(there, 'id');
  proxy.partition();
  await here.remove('id');
  const partitionedAt = performance.now();
  const find = async () => there.find('id');
  await until(async () => !(await find().catch(() => undefined)));
  t.comment(`not trusted after ${Math.round(performance.now() - partitionedAt)} ms, of one second`);
  await t.rejects(find(), 'it cannot tell');
});

t.test('without a cache, every find asks the server', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { store, connection } = await open(t, redis, { cacheEntries: 0 });
  await until(() => connection.hasLease);
  await store.create(record());
  await store.find('id');
  const again = store.find('id');
  t.type(again, Promise);
  t.same(await again, record());
});

t.test('a value of another format rejects, and is not an absence', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { store } = await open(t, redis);
  const client = await operator(t, redis);
  await client.set('test:session:id', 'garbage');
  await t.rejects(async () => store.find('id'), SyntaxError);
});

t.test('remove succeeds even if the index cannot be updated', async (t) => {
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

t.test('a session with a newer schema is not read, but it can be listed and ended', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { store } = await open(t, redis);
  const create = (id: string) => {
    const expiresAt = Date.now() + 60_000;
    return store.create({ ...record({ id, expiresAt }), schema: 4 } as unknown as SessionRecord);
  };
  await create('one');
  await create('two');
  const message = /newer version \(schema 4\)/;
  await t.rejects(async () => store.find('one'), { message });
  const newer = [
    { schema: 4, session: { id: 'one' } },
    { schema: 4, session: { id: 'two' } },
  ];
  const byId = (a: SessionRecord, b: SessionRecord) => (a.session.id < b.session.id ? -1 : 1);
  t.match((await store.listByUser(owner('user1'))).sort(byId), newer);
  const all: SessionRecord[] = [];
  for await (const one of store.list()) {
    all.push(one);
  }
  t.match(all.sort(byId), newer);
  t.equal(await store.remove('one'), true);
  t.equal(await store.removeByUser(owner('user1'), 'other'), 1);
  t.same(await store.listByUser(owner('user1')), []);
});

t.test('a session of an earlier version is found, listed, refreshed and ended', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { store } = await open(t, redis);
  const client = await operator(t, redis);
  const { session: current } = record({ expiresAt: Date.now() + 60_000 });
  const { bound: _, namespace: __, userId: ___, data: ____, ...session } = current;
  await client.set('test:session:id', JSON.stringify(['hash', { schema: 1, session, replaced: [] }]));
  await client.zAdd('test:sessions-of:user1', { score: Date.now() + 60_000, value: 'id' });
  const expected = { ...record({ expiresAt: session.expiresAt }), version: 'hash' };
  t.same(await store.find('id'), expected);
  t.same(await store.listByUser(owner('user1')), [expected]);
  t.equal(await store.replace(record({ secretHash: 'next', expiresAt: session.expiresAt }), 'hash'), true);
  t.match(await store.find('id'), { schema: 3, secretHash: 'next', version: version('next') });
  t.equal(await store.removeByUser(owner('user1')), 1);
});
