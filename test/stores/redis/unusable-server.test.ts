import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { StoreOpenError } from '../../../src/stores/engine.ts';
import { operator, startRedis } from '../../helpers/redis-server.ts';
import { startProxy } from '../../helpers/tcp-proxy.ts';
import { connect, listeningLog } from './connect.ts';

// Each of these servers accepts the connection, and would then answer every sign-in with an error.

t.test('a user without rights on our keys or our commands is rejected, and the reason is named', async (t) => {
  const users: Record<string, string> = {
    other: '~other:*,+@all',
    reader: '~*,+@read,+@connection',
    'no-scripts': '~*,+@all,-eval,-evalsha',
    'no-evalsha': '~*,+@all,-evalsha',
    'no-time': '~*,+@all,-time',
    'no-scan': '~*,+@all,-scan',
    'no-index': '~*,+@all,-zadd',
    'no-counter': '~*,+@all,-hincrby',
    'sessions-only': '~test:session:*,+@all',
  };
  const acl = Object.entries(users).flatMap(([name, rights]) => ['--user', name, 'on', '>pw', ...rights.split(',')]);
  const redis = await startRedis(t, acl);
  if (redis === undefined) {
    return;
  }
  for (const name of Object.keys(users)) {
    const url = `redis://${name}:pw@127.0.0.1:${redis.port}`;
    const error = (await t.rejects(connect({ url }), StoreOpenError, name)) as Error;
    t.match(error.message, /^The Redis server does not execute [A-Z]+ on keys test:\*: NOPERM /, name);
  }
  const client = await operator(t, redis);
  t.same(await client.keys('*'), [], 'the checks have written nothing');
});

t.test('a user who may use no other keys than ours is accepted, without the check of tracking', async (t) => {
  const keys = ['session', 'sessions-of', 'user', 'counter'].map((kind) => `~test:${kind}:*`);
  const redis = await startRedis(t, ['--appendonly', 'yes', '--user', 'ann', 'on', '>pw', ...keys, '+@all']);
  if (redis === undefined) {
    return;
  }
  const { log, warnings } = listeningLog();
  const connection = await connect({ url: `redis://ann:pw@127.0.0.1:${redis.port}` }, { log });
  t.teardown(() => connection.close());
  t.equal(connection.trackingEnabled, false);
  t.same(warnings(), ['the store does not report changes: every request reads it']);
});

t.test('a cluster with slots that are not assigned is rejected', async (t) => {
  const redis = await startRedis(t, ['--cluster-enabled', 'yes']);
  if (redis === undefined) {
    return;
  }
  const client = await operator(t, redis);
  await t.rejects(connect(redis), {
    name: 'StoreOpenError',
    // The server counts itself some time after its start.
    message: /^The Redis server is a node of a cluster\. Master nodes: [01]\. Assigned slots: 0 of 16384\./,
  });
  await client.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '100']);
  await t.rejects(connect(redis), { message: /Assigned slots: 101 of 16384/ });
});

t.test('a node of a larger cluster is rejected', async (t) => {
  const redis = await startRedis(t, ['--cluster-enabled', 'yes']);
  if (redis === undefined) {
    return;
  }
  const client = await operator(t, redis);
  await client.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383']);
  const { port } = await startProxy(t, redis.port, (chunk) => chunk.replace(/cluster_size:[01]/, 'cluster_size:3'));
  await t.rejects(connect({ url: `redis://127.0.0.1:${port}` }), { message: /Master nodes: 3/ });
});

t.test('a cluster that does not show its state is rejected by the reply to a command', async (t) => {
  const redis = await startRedis(t, [
    '--cluster-enabled',
    'yes',
    '--user',
    'ann',
    'on',
    '>pw',
    '~*',
    '+@all',
    '-cluster',
  ]);
  if (redis === undefined) {
    return;
  }
  await t.rejects(connect({ url: `redis://ann:pw@127.0.0.1:${redis.port}` }), {
    name: 'StoreOpenError',
    message: /does not execute [A-Z]+ on keys test:\*: CLUSTERDOWN/,
  });
});

t.test('rights that are taken away later are logged with the reason', async (t) => {
  const redis = await startRedis(t, ['--user', 'ann', 'on', '>pw', '~*', '+@all']);
  if (redis === undefined) {
    return;
  }
  const { log, lines } = listeningLog();
  const connection = await connect({ url: `redis://ann:pw@127.0.0.1:${redis.port}` }, { log });
  t.teardown(() => connection.close());
  const client = await operator(t, redis);
  await client.sendCommand(['ACL', 'SETUSER', 'ann', 'resetkeys', '~other:*']);
  const told = () => lines.find(({ message }) => message === 'the store rejects the connection');
  while (told() === undefined) {
    await sleep(10);
  }
  t.match(told(), { details: { err: { message: /NOPERM/ } } });
});
