import t, { type Test } from 'tap';
import { StoreOpenError } from '../../../src/stores/engine.ts';
import type { RedisConnection } from '../../../src/stores/redis/connection.ts';
import { freePort } from '../../helpers/ports.ts';
import { startSentinels, until } from '../../helpers/redis-group.ts';
import { startRedis } from '../../helpers/redis-server.ts';
import { record } from '../../helpers/service.ts';
import { connect, openSessions } from './connect.ts';
import { type FakeSentinel, startFakeSentinel } from './fake-member.ts';

const urlOf = (sentinels: readonly FakeSentinel[], account = '', query = '') =>
  `redis+sentinel://${account}${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/main${query}`;

const threeSentinels = (t: Test, answer: FakeSentinel['answer']) =>
  Promise.all([0, 1, 2].map(() => startFakeSentinel(t, answer)));

const isConnected = async (connection: RedisConnection) => (await connection.client.ping()) === 'PONG';

/** The port of the server that a connection uses. */
const portOf = async (connection: RedisConnection) =>
  Number(/tcp_port:(\d+)/.exec(await connection.client.info('server'))?.[1]);

t.test('the primary of real Sentinels is used, with the near cache', async (t) => {
  const group = await startSentinels(t, { replicas: 1 });
  if (group === undefined) {
    return;
  }
  const { connection, store, lines } = await openSessions(t, group);
  t.equal(await portOf(connection), group.servers[0]?.port);
  t.equal(connection.trackingEnabled, true);
  t.equal(await store.create(record()), true);
  await until(async () => {
    await store.find('id');
    return !(store.find('id') instanceof Promise);
  });
  t.match(lines, [{ message: /^a primary that has lost its replicas/ }]);
  const unknown = connect({ url: group.url.replace('/main', '/other') });
  await t.rejects(unknown, { name: 'StoreOpenError', message: /No such master with that name/ });
});

t.test('the answer with the highest epoch counts, also when it changes', async (t) => {
  const [old, next] = [await startRedis(t), await startRedis(t)];
  if (old === undefined || next === undefined) {
    return;
  }
  const sentinels = await threeSentinels(t, { port: old.port, epoch: 7 });
  const { connection, lines } = await openSessions(t, { url: urlOf(sentinels) });
  t.equal(await portOf(connection), old.port);
  const [first, second] = sentinels as [FakeSentinel, FakeSentinel, FakeSentinel];
  first.answer = { port: next.port, epoch: 6 };
  const asked = first.commands.length;
  await until(async () => first.commands.length > asked + 1);
  t.same(lines, [], 'an earlier epoch does not count');
  second.answer = { port: next.port, epoch: 8 };
  await until(async () => (await portOf(connection)) === next.port);
  t.match(lines, [
    {
      message: 'the connection to the store is lost',
      details: {
        err: { message: `the primary is 127.0.0.1:${next.port} now` },
        server: `127.0.0.1:${old.port}`,
      },
    },
    { message: 'the connection to the store is back', details: { server: `127.0.0.1:${next.port}` } },
  ]);
});

t.test('fewer than a majority of the Sentinels are not enough to connect', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const answer = { port: redis.port, epoch: 1 };
  const [first, second, third] = [await startFakeSentinel(t, answer), await freePort(), await freePort()];
  const url = `redis+sentinel://127.0.0.1:${first.port},127.0.0.1:${second},127.0.0.1:${third}/main`;
  const { connection, lines } = await openSessions(t, { url });
  t.match(lines, [{ message: /cannot be reached/, details: { err: { message: '1 of 3 Sentinels answer' } } }]);
  await startFakeSentinel(t, answer, second);
  await until(() => isConnected(connection));
});

t.test('a primary without replicas is read only as long as the Sentinels confirm it', async (t) => {
  const redis = await startRedis(t, ['--appendonly', 'yes', '--min-replicas-to-write', '1']);
  if (redis === undefined) {
    return;
  }
  const sentinels = await threeSentinels(t, { port: redis.port, epoch: 1 });
  const { connection, lines, warnings } = await openSessions(t, { url: urlOf(sentinels) });
  t.equal(await isConnected(connection), true);
  await t.rejects(connection.ping(), { message: /^NOREPLICAS/ });
  for (const sentinel of sentinels) {
    sentinel.answer = new Error('ERR down');
  }
  await until(async () => warnings().includes('the connection to the store is lost'));
  const lost = lines.find(({ message }) => message === 'the connection to the store is lost');
  t.match(lost, { details: { err: { message: /^NOREPLICAS/ } } });
  t.throws(() => connection.client, { message: 'no connection to the Redis server' });
});

t.test('a primary with replicas is used while no Sentinel answers', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const sentinels = await threeSentinels(t, { port: redis.port, epoch: 1 });
  const connection = await connect({ url: urlOf(sentinels) });
  t.teardown(() => connection.close());
  const asked = sentinels.map(({ commands }) => commands.length);
  for (const sentinel of sentinels) {
    sentinel.answer = new Error('ERR down');
  }
  // After an error, the next question comes on another connection, with its own handshake.
  await until(async () => sentinels.every(({ commands }, i) => commands.length > (asked[i] as number) + 4));
  t.equal(await isConnected(connection), true);
});

t.test('the primary and the Sentinels have passwords of their own', async (t) => {
  const redis = await startRedis(t, ['--appendonly', 'yes', '--requirepass', 'hunter2']);
  if (redis === undefined) {
    return;
  }
  const sentinels = await threeSentinels(t, { port: redis.port, epoch: 1 });
  const url = urlOf(sentinels, ':hunter2@', '?db=3&sentinelUsername=bob&sentinelPassword=secret');
  const connection = await connect({ url });
  t.teardown(() => connection.close());
  t.match(await connection.client.sendCommand(['CLIENT', 'INFO']), /db=3/);
  t.ok(sentinels[0]?.commands.some((words) => words.join(' ') === 'AUTH bob secret'));
  const rejecting = await threeSentinels(t, new Error('NOAUTH Authentication required.'));
  const error = (await t.rejects(connect({ url: urlOf(rejecting) }), StoreOpenError)) as Error;
  t.match(error.message, /NOAUTH/);
});
