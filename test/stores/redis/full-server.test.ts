import t, { type Test } from 'tap';
import { newClient } from '../../../src/stores/redis/client.ts';
import { RedisSessionStore } from '../../../src/stores/redis/session-store.ts';
import { Tracking } from '../../../src/stores/redis/tracking.ts';
import { RedisUserStore } from '../../../src/stores/redis/user-store.ts';
import { newUser } from '../../../src/users/user-store.ts';
import { operator, startRedis } from '../../helpers/redis-server.ts';
import { owner, record, version } from '../../helpers/service.ts';
import { startProxy } from '../../helpers/tcp-proxy.ts';
import { connect, listeningLog } from './connect.ts';

// Rule 9 of the design: what an operator ends can always be ended. Redis rejects commands that may need memory (OOM), all
// writes if its disk failed (MISCONF), and all writes if too few replicas are connected (NOREPLICAS).

const NOT_REPORTED = 'the store does not report changes: every request reads it';

async function startFull(t: Test) {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return undefined;
  }
  const sessions = new RedisSessionStore(await connect(redis));
  const ann = newUser('ann', '$a hash');
  await new RedisUserStore(await connect(redis)).create(ann);
  await sessions.create(record());
  await sessions.create(record({ id: 'second' }));
  await sessions.close();
  const client = await operator(t, redis);
  await client.configSet('maxmemory', '1');
  return { redis, ann, client };
}

t.test('on a full server a new connection reads, refreshes, ends and disables', async (t) => {
  const full = await startFull(t);
  if (full === undefined) {
    return;
  }
  const { log, warnings } = listeningLog();
  const connection = await connect(full.redis, { log });
  const sessions = new RedisSessionStore(connection);
  const users = new RedisUserStore(connection);
  t.teardown(() => sessions.close());
  t.same(warnings(), []);
  t.equal(connection.trackingEnabled, true, 'the check of tracking needs no room');
  t.same(await sessions.find('id'), record());
  t.equal(await sessions.replace(record({ secretHash: 'next' }), version('hash')), true);
  t.equal(await users.replace({ ...full.ann, disabled: true }, full.ann.version), true);
  t.match(await users.find('ann'), { disabled: true });
  t.equal(await sessions.remove('id'), true);
  t.equal(await sessions.removeByUser(owner('user1')), 1);
  await sessions.ping();
  await t.rejects(async () => sessions.create(record({ id: 'third' })), { message: /^OOM/ });
  await t.rejects(users.create(newUser('bob', '$a hash')), { message: /^OOM/ });
  t.equal(await users.remove('ann'), true);
});

t.test('a full server of Redis 6.2 reads and ends; a disable is rejected, a removal is not', async (t) => {
  const full = await startFull(t);
  if (full === undefined) {
    return;
  }
  // The reply of Redis 6.2 to a script with flags.
  const { port } = await startProxy(t, full.redis.port, (chunk) =>
    chunk.replace('$9\r\nallow-oom\r\n', '-ERR Error compiling script (new function)\r\n'),
  );
  const connection = await connect({ url: `redis://127.0.0.1:${port}` });
  const sessions = new RedisSessionStore(connection);
  const users = new RedisUserStore(connection);
  t.teardown(() => sessions.close());
  t.equal(connection.allowsOom, false);
  t.same(await sessions.find('id'), record());
  await t.rejects(sessions.replace(record({ secretHash: 'next' }), version('hash')), { message: /^OOM/ });
  await t.rejects(users.replace({ ...full.ann, disabled: true }, full.ann.version), { message: /^OOM/ });
  t.equal(await sessions.removeByUser(owner('user1')), 2);
  t.equal(await users.remove('ann'), true);
});

t.test('a server that has been full from the start is used without a cache', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const client = await operator(t, redis);
  await client.configSet('maxmemory', '1');
  const { log, warnings } = listeningLog();
  const connection = await connect(redis, { log });
  t.teardown(() => connection.close());
  t.equal(connection.trackingEnabled, false);
  t.same(warnings(), [NOT_REPORTED]);
});

t.test('the check of tracking is repeated when it was not possible', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const admin = await operator(t, redis);
  const socket = { host: '127.0.0.1', port: redis.port };
  const client = await newClient({ socket }, true, 60_000).connect();
  // As the connection has one. Without any, the client emits nothing after the first check.
  client.on('invalidate', () => {});
  t.teardown(() => client.destroy());
  const { log, lines } = listeningLog();
  const tracking = new Tracking('test:', log);
  await admin.configSet('maxmemory', '1');
  await tracking.prove(client);
  await tracking.extendLease(client, performance.now() + 11_000);
  t.equal(tracking.isProvenFor(client), false);
  await admin.configSet('maxmemory', '0');
  await tracking.extendLease(client, performance.now());
  t.equal(tracking.isProvenFor(client), false, 'not with every ping');
  await tracking.extendLease(client, performance.now() + 11_000);
  t.equal(tracking.isProvenFor(client), true);
  t.same(
    lines.map(({ message }) => message),
    [NOT_REPORTED, 'the store reports changes again'],
  );
});

t.test('a server that rejects all writes is still read', async (t) => {
  const full = await startFull(t);
  if (full === undefined) {
    return;
  }
  await full.client.configSet('min-replicas-to-write', '1');
  const { log, warnings } = listeningLog();
  const connection = await connect(full.redis, { log });
  const sessions = new RedisSessionStore(connection);
  t.teardown(() => sessions.close());
  t.same(await sessions.find('id'), record());
  await t.rejects(sessions.ping(), { message: /^NOREPLICAS/ }, 'not ready: nothing can be ended');
  await t.rejects(sessions.remove('id'), { message: /^NOREPLICAS/ });
  while (!connection.hasLease) {
    await new Promise(setImmediate);
  }
  await full.client.configSet('min-replicas-to-write', '0');
  await sessions.ping();
  t.equal(await sessions.remove('id'), true);
  t.same(warnings(), [NOT_REPORTED], 'the connection was kept');
});
