import t, { type Test } from 'tap';
import { RedisSessionStore } from '../../../src/stores/redis/session-store.ts';
import { RedisUserStore } from '../../../src/stores/redis/user-store.ts';
import { newUser } from '../../../src/users/user-store.ts';
import { commandLine } from '../../helpers/command-line.ts';
import { command, until } from '../../helpers/redis-group.ts';
import { startRedis } from '../../helpers/redis-server.ts';
import { ANN, build, owner, ownerIn, record, version } from '../../helpers/service.ts';
import { addUser, openTestStores } from '../../helpers/users.ts';
import { connect, listeningLog } from './connect.ts';

const isOnline = async (primary: { url: string }) =>
  String(await command(primary, 'INFO', 'replication')).includes('state=online');

/** A primary with one replica, and the stores on it. */
async function open(t: Test, timeoutMs?: number) {
  const primary = await startRedis(t, ['--appendonly', 'yes', '--repl-diskless-sync-delay', '0']);
  const replica = primary && (await startRedis(t, ['--replicaof', '127.0.0.1', String(primary.port)]));
  if (primary === undefined || replica === undefined) {
    return undefined;
  }
  await until(() => isOnline(primary));
  const connection = await connect(primary, { waitReplicas: 1, ...(timeoutMs && { timeoutMs }) });
  t.teardown(() => connection.close());
  const [sessions, users] = [new RedisSessionStore(connection), new RedisUserStore(connection)];
  return { primary, replica, connection, sessions, users };
}

t.test('a change is acknowledged only after the replica has it', async (t) => {
  const opened = await open(t, 2000);
  if (opened === undefined) {
    return;
  }
  const { primary, replica, sessions, users } = opened;
  const ann = newUser('ann', '$hash', 1);
  t.equal(await sessions.create(record()), true);
  t.equal(await users.create(ann), true);
  replica.freeze();
  const missing = { message: '0 of 1 replicas have the change' };
  await Promise.all([
    t.rejects(sessions.create(record({ id: 'other' })), missing),
    t.rejects(sessions.create(record()), missing),
    t.rejects(sessions.replace(record({ secretHash: 'next' }), version('hash')), missing),
    t.rejects(users.replace({ ...ann, version: 'next' }, ann.version), missing),
    t.rejects(users.create(newUser('bob', '$hash', 1)), missing),
  ]);
  t.equal(await sessions.find('other', true), undefined, 'nobody has the token of a session that was not confirmed');
  t.not(await sessions.find('id', true), undefined, 'an earlier one with the same id stays');
  await Promise.all([
    t.rejects(sessions.remove('id'), missing),
    t.rejects(sessions.removeByUser(owner('user1')), missing),
    t.rejects(users.remove('ann'), missing),
  ]);
  await t.rejects(sessions.remove('id'), missing, 'also when it is repeated');
  t.equal(await sessions.find('id'), undefined, 'the primary has removed it');
  replica.thaw();
  await until(() => isOnline(primary));
  await until(async () => (await sessions.remove('id')) === false);
});

t.test('without enough replicas the service warns at start and is not ready', async (t) => {
  const redis = await startRedis(t, ['--appendonly', 'yes', '--repl-diskless-sync-delay', '0']);
  if (redis === undefined) {
    return;
  }
  const log: string[] = [];
  const env = { STORE_URL: redis.url, LOG_LEVEL: 'warn', STORE_TIMEOUT_MS: '2000', REDIS_WAIT_REPLICAS: '1' };
  const app = await build(t, { log, env });
  t.match(log, [/"is":0,"shouldBe":1,"msg":"fewer replicas are connected than REDIS_WAIT_REPLICAS/]);
  t.equal((await app.inject('/readyz')).statusCode, 503);
  await startRedis(t, ['--replicaof', '127.0.0.1', String(redis.port)]);
  await until(async () => (await app.inject('/readyz')).statusCode === 200);
});

t.test('changes that wait share one command', async (t) => {
  const opened = await open(t);
  if (opened === undefined) {
    return;
  }
  const { primary, sessions } = opened;
  await command(primary, 'CONFIG', 'RESETSTAT');
  await Promise.all(Array.from({ length: 200 }, (_, i) => sessions.remove(String(i))));
  const stats = String(await command(primary, 'INFO', 'commandstats'));
  const [waits, removals] = ['wait', 'getdel'].map((name) =>
    Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1]),
  );
  t.equal(removals, 200);
  t.ok((waits as number) > 0 && (waits as number) < 100, `${waits} times WAIT`);
});

t.test('a change on a connection that was lost since is not confirmed', async (t) => {
  const opened = await open(t);
  if (opened === undefined) {
    return;
  }
  const { primary, connection } = opened;
  const { client } = connection;
  await connection.confirmReplicated(client);
  await command(primary, 'CLIENT', 'KILL', 'TYPE', 'normal');
  await until(async () => connection.client !== client);
  await t.rejects(connection.confirmReplicated(client), { message: /^the connection was lost before/ });
  await connection.confirmReplicated(connection.client);
});

t.test('a user who may not wait for replicas is rejected', async (t) => {
  const redis = await startRedis(t, ['--appendonly', 'yes', '--user', 'ann', 'on', '>pw', '~*', '+@all', '-wait']);
  if (redis) {
    const server = { url: `redis://ann:pw@127.0.0.1:${redis.port}` };
    const { log, lines } = listeningLog();
    const message = /^The Redis server does not execute WAIT on keys test:\*: NOPERM/;
    await t.rejects(connect(server, { waitReplicas: 1, log }), { name: 'StoreOpenError', message });
    t.notMatch(lines, [{ message: /does not report changes/ }]);
    const connection = await connect(server);
    await connection.close();
  }
});

t.test('waiting for replicas needs the key whose expiry it moves', async (t) => {
  const keys = ['session', 'sessions-of', 'user', 'counter'].map((kind) => `~test:${kind}:*`);
  const redis = await startRedis(t, ['--appendonly', 'yes', '--user', 'ann', 'on', '>pw', ...keys, '+@all']);
  if (redis) {
    const message = /^The Redis server does not execute GET on keys test:\*: NOPERM/;
    const server = { url: `redis://ann:pw@127.0.0.1:${redis.port}` };
    await t.rejects(connect(server, { waitReplicas: 1 }), { name: 'StoreOpenError', message });
  }
});

t.test('a change is not confirmed without a replica because that key is missing', async (t) => {
  const opened = await open(t, 2000);
  if (opened === undefined) {
    return;
  }
  const { primary, replica, sessions } = opened;
  t.equal(await sessions.create(record()), true);
  await command(primary, 'DEL', 'test:probe');
  replica.freeze();
  await t.rejects(sessions.remove('id'), { message: '0 of 1 replicas have the change' });
  replica.thaw();
});

t.test('a sign-in that no replica confirms leaves no session, and the log names the reason', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const stores = await openTestStores(t, redis.url);
  await addUser(stores, ANN);
  const log: string[] = [];
  const env = { STORE_URL: redis.url, LOG_LEVEL: 'warn', REDIS_WAIT_REPLICAS: '1', STORE_TIMEOUT_MS: '2000' };
  const app = await build(t, { log, env });
  for (let i = 0; i < 2; i++) {
    const response = await app.inject({ method: 'POST', url: '/signin', payload: ANN });
    t.match(response, { statusCode: 503, headers: { 'retry-after': String } });
  }
  t.equal(log.filter((line) => line.includes('0 of 1 replicas have the change')).length, 2);
  t.notMatch(log.join(), 'gave no answer');
  t.same(await stores.sessions.listByUser(await ownerIn(stores.users, ANN.username)), []);
});

t.test('the service and the command line wait for as many replicas as REDIS_WAIT_REPLICAS says', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  await addUser(await openTestStores(t, redis.url), ANN);
  const settings = { STORE_TIMEOUT_MS: '2000', REDIS_WAIT_REPLICAS: '1' };
  const app = await build(t, { env: { STORE_URL: redis.url, ...settings } });
  const response = await app.inject({ method: 'POST', url: '/signin', payload: ANN });
  t.match(response, { statusCode: 503, headers: { 'retry-after': String } });
  t.match(await commandLine(redis.url, settings)('users disable ann'), { code: 1 });
  t.match(await commandLine(redis.url)('users enable ann'), { code: 0 });
});
