import t from 'tap';
import { hashTagged } from '../../../src/stores/redis/hash-tag.ts';
import { command, startCluster, until } from '../../helpers/redis-group.ts';
import { startRedis } from '../../helpers/redis-server.ts';
import { record } from '../../helpers/service.ts';
import { connect, openSessions } from './connect.ts';

t.test('the prefix of keys becomes a hash tag, unless it has one', async (t) => {
  t.equal(hashTagged('login:'), '{login:}');
  t.equal(hashTagged('{eu}login:'), '{eu}login:');
  t.equal(hashTagged('a{}b'), '{a{}b}');
  t.throws(() => hashTagged('}a'), { name: 'StoreOpenError', message: /must not begin with }/ });
});

t.test('a slot that moves to another node is followed', async (t) => {
  const group = await startCluster(t, '{test:}', { replicas: 0 });
  if (group === undefined) {
    return;
  }
  const { connection, store, lines } = await openSessions(t, group);
  t.equal(connection.trackingEnabled, true);
  t.equal(await store.create(record({ expiresAt: Date.now() + 600_000 })), true);

  const [source, target] = [group.servers[0], group.others[0]] as const;
  if (source === undefined || target === undefined) {
    return;
  }
  const slot = String(await command(source, 'CLUSTER', 'KEYSLOT', '{test:}'));
  const [sourceId, targetId] = [
    String(await command(source, 'CLUSTER', 'MYID')),
    String(await command(target, 'CLUSTER', 'MYID')),
  ];
  await command(target, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', sourceId);
  await command(source, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', targetId);
  const keys = (await command(source, 'CLUSTER', 'GETKEYSINSLOT', slot, '100')) as string[];
  t.ok(keys.includes('{test:}session:id'));
  await command(source, 'MIGRATE', '127.0.0.1', String(target.port), '', '0', '5000', 'KEYS', ...keys);
  await until(async () => lines.length > 0);
  t.match(lines[0], { details: { err: { message: /^ASK/ } } }, 'until the slot has moved, requests are 503');
  for (const node of [target, source]) {
    await command(node, 'CLUSTER', 'SETSLOT', slot, 'NODE', targetId);
  }
  await until(async () => (await store.find('id')) !== undefined);
  t.equal(await store.remove('id'), true);
});

t.test('a cluster without the slot of the keys is waited for', async (t) => {
  const redis = await startRedis(t, ['--appendonly', 'yes', '--cluster-enabled', 'yes']);
  if (redis === undefined) {
    return;
  }
  const url = `redis+cluster://127.0.0.1:${redis.port}`;
  const { connection, lines } = await openSessions(t, { url });
  t.match(lines, [
    {
      message: /cannot be reached/,
      details: {
        err: {
          message: '0 of 1 nodes of the cluster answer',
          cause: { message: /^no node of the cluster has slot \d+$/ },
        },
      },
    },
  ]);
  await command(redis, 'CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  await until(async () => (await connection.client.ping()) === 'PONG');
});

t.test('a cluster whose state is not yet known is waited for, and a missing right is not', async (t) => {
  const users = ['--user', 'ann', 'on', '>pw', '~*', '+@all', '-evalsha'];
  const redis = await startRedis(t, ['--appendonly', 'yes', '--cluster-enabled', 'yes', ...users]);
  if (redis === undefined) {
    return;
  }
  await command(redis, 'CLUSTER', 'ADDSLOTSRANGE', '0', '16382');
  const url = `redis+cluster://127.0.0.1:${redis.port}`;
  const { connection, lines } = await openSessions(t, { url });
  t.match(lines, [{ message: /cannot be reached/, details: { err: { message: /^CLUSTERDOWN/ } } }]);
  await command(redis, 'CLUSTER', 'ADDSLOTS', '16383');
  await until(async () => (await connection.client.ping()) === 'PONG');
  const lacking = connect({ url: url.replace('//', '//ann:pw@') });
  await t.rejects(lacking, { name: 'StoreOpenError', message: /does not execute EVALSHA on keys \{test:\}\*: NOPERM/ });
});

t.test('a server that is no node of a cluster is rejected', async (t) => {
  const redis = await startRedis(t);
  if (redis) {
    const opening = connect({ url: `redis+cluster://127.0.0.1:${redis.port}` });
    await t.rejects(opening, { name: 'StoreOpenError', message: /cluster support disabled/ });
  }
});
