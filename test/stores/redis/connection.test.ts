import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { StoreOpenError } from '../../../src/stores/engine.ts';
import type { RedisConnection } from '../../../src/stores/redis/connection.ts';
import { RedisSessionStore } from '../../../src/stores/redis/session-store.ts';
import { freePort } from '../../helpers/ports.ts';
import { program } from '../../helpers/programs.ts';
import { until } from '../../helpers/redis-group.ts';
import { operator, startRedis } from '../../helpers/redis-server.ts';
import { NODE_ARGUMENTS } from '../../helpers/server-process.ts';
import { owner, record, version } from '../../helpers/service.ts';
import { startProxy } from '../../helpers/tcp-proxy.ts';
import { connect, listeningLog } from './connect.ts';

/** Runs each operation of a store on this connection. */
async function works(t: Test, connection: RedisConnection): Promise<void> {
  const store = new RedisSessionStore(connection);
  t.teardown(() => store.close());
  t.equal(await store.create(record()), true);
  t.same(await store.find('id'), record());
  t.equal(await store.replace(record({ secretHash: 'next' }), version('hash')), true);
  t.same(await store.listByUser(owner('user1')), [record({ secretHash: 'next' })]);
  t.equal(await store.remove('id'), true);
  t.equal(await store.find('id'), undefined);
}

t.test('a server with good settings causes no warning', async (t) => {
  const redis = await startRedis(t);
  if (redis) {
    const { log, lines } = listeningLog();
    const connection = await connect(redis, { log });
    await works(t, connection);
    t.equal(connection.trackingEnabled, true);
    t.same(lines, []);
  }
});

t.test('settings that lose sessions cause warnings', async (t) => {
  const redis = await startRedis(t, ['--maxmemory-policy', 'allkeys-lru', '--appendonly', 'no']);
  if (redis) {
    const { log, lines } = listeningLog();
    await works(t, await connect(redis, { log }));
    t.match(lines, [
      { level: 'warn', details: { setting: 'maxmemory-policy', is: 'allkeys-lru', shouldBe: 'noeviction' } },
      { level: 'warn', details: { setting: 'appendonly', is: 'no', shouldBe: 'yes' } },
    ]);
  }
});

t.test('user, password and database are taken from the URL', async (t) => {
  const acl = ['--user', 'ann', 'on', '>p@ss/word', '~test:*', '+@all'];
  const redis = await startRedis(t, ['--requirepass', 'hunter2', ...acl]);
  if (redis === undefined) {
    return;
  }
  const at = (rest: string) => ({ url: `redis://${rest.replace('HOST', `127.0.0.1:${redis.port}`)}` });
  await works(t, await connect(at('ann:p%40ss%2Fword@HOST/3')));
  await works(t, await connect(at(':hunter2@HOST')));
  for (const wrong of [at('HOST'), at('ann:wrong@HOST'), at('nobody:hunter2@HOST')]) {
    const told = (await t.rejects(connect(wrong), StoreOpenError)) as Error;
    t.match(told.message, /^The Redis server rejects the connection: (NOAUTH|WRONGPASS)/);
    t.notMatch(told.message, 'hunter2');
  }
  await t.rejects(connect(at(':hunter2@HOST/99')), StoreOpenError, 'a database that does not exist');

  const admin = await operator(t, at(':hunter2@HOST/3'));
  const store = new RedisSessionStore(await connect(at(':hunter2@HOST/3')));
  t.teardown(() => store.close());
  await store.create(record());
  t.equal(await admin.exists('test:session:id'), 1);
});

t.test('a Unix socket works', async (t) => {
  const socket = `${t.testdir({})}/redis.sock`;
  const redis = await startRedis(t, ['--unixsocket', socket, '--appendonly', 'yes']);
  if (redis) {
    await works(t, await connect({ url: `redis+unix://${socket}?db=2` }));
  }
});

t.test('TLS works with a trusted certificate only', async (t) => {
  const openssl = program(t, 'openssl');
  if (openssl === undefined) {
    return;
  }
  const dir = t.testdir({});
  const files = ['-keyout', `${dir}/key.pem`, '-out', `${dir}/cert.pem`];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  execFileSync(openssl, ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', ...subject, ...files], {
    stdio: 'ignore',
  });
  const port = await freePort();
  const tls = ['--tls-port', String(port), '--tls-cert-file', `${dir}/cert.pem`, '--tls-key-file', `${dir}/key.pem`];
  const redis = await startRedis(t, [...tls, '--tls-ca-cert-file', `${dir}/cert.pem`, '--tls-auth-clients', 'no']);
  if (redis === undefined) {
    return;
  }
  const { log, warnings } = listeningLog();
  const untrusting = await connect({ url: `rediss://localhost:${port}` }, { log });
  t.same(warnings(), ['the store cannot be reached; requests that need it are answered 503']);
  t.throws(() => untrusting.client, { message: 'no connection to the Redis server' });
  await untrusting.close();

  const script = `
    import { openStores } from './src/stores/open-stores.ts';
    const { sessions } = await openStores('rediss://localhost:${port}');
    await sessions.ping();
    await sessions.close();`;
  execFileSync(process.execPath, [...NODE_ARGUMENTS, '--input-type=module', '--eval', script], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: `${dir}/cert.pem` },
  });
});

t.test(
  'without tracking by the server, the user or the proxy, every find reads the server, with one warning',
  async (t) => {
    const told = 'the store does not report changes: every request reads it';
    const noCommand = await startRedis(t, ['--rename-command', 'CLIENT', '', '--appendonly', 'yes']);
    const noRight = await startRedis(t, [
      '--user',
      'ann',
      'on',
      '>pw',
      '~*',
      '+@all',
      '-client',
      '--appendonly',
      'yes',
    ]);
    const behind = await startRedis(t);
    if (noCommand === undefined || noRight === undefined || behind === undefined) {
      return;
    }
    const { port } = await startProxy(t, behind.port, (chunk) =>
      chunk.replace(/>2\r\n\$10\r\ninvalidate\r\n\*1\r\n\$\d+\r\n[^\r]*\r\n/g, ''),
    );
    const urls = [noCommand.url, `redis://ann:pw@127.0.0.1:${noRight.port}`, `redis://127.0.0.1:${port}`];
    for (const url of urls) {
      const { log, warnings } = listeningLog();
      const connection = await connect({ url }, { log, timeoutMs: 200 });
      t.equal(connection.trackingEnabled, false);
      t.same(warnings(), [told]);
      await works(t, connection);
    }
  },
);

t.test('a lost connection is logged once and comes back', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { log, lines } = listeningLog();
  const connection = await connect(redis, { log });
  t.teardown(() => connection.close());
  await redis.kill();
  while (lines.length === 0) {
    await sleep(10);
  }
  await sleep(600);
  t.throws(() => connection.client, { message: 'no connection to the Redis server' });
  await redis.restart();
  while (lines.length === 1) {
    await sleep(10);
  }
  t.match(lines, [
    { level: 'warn', message: 'the connection to the store is lost' },
    { level: 'info', message: 'the connection to the store is back' },
  ]);
  t.equal(await connection.client.ping(), 'PONG');
});

t.test('a server that rejects the reconnection is logged once, with its reason', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { log, warnings } = listeningLog();
  const connection = await connect(redis, { log });
  t.teardown(() => connection.close());
  const admin = await operator(t, redis);
  await admin.configSet('requirepass', 'hunter2');
  await admin.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes']);
  while (warnings().length < 2) {
    await sleep(10);
  }
  await sleep(600);
  t.same(
    warnings(),
    ['the connection to the store is lost', 'the store rejects the connection'],
    'several tries later',
  );
  await admin.configSet('requirepass', '');
  while (!connection.hasLease) {
    await sleep(10);
  }
  await works(t, connection);
});

t.test('a server that is too old is rejected', async (t) => {
  const redis = await startRedis(t);
  if (redis) {
    const { port } = await startProxy(t, redis.port, (chunk) =>
      chunk.replace(/redis_version:\d+\.\d/, 'redis_version:5.0'),
    );
    const told = (await t.rejects(connect({ url: `redis://127.0.0.1:${port}` }), StoreOpenError)) as Error;
    t.match(told.message, /^Redis 6.2 or newer, or Valkey, is needed; this server is 5\.0/);
  }
});

t.test('a connection that is closed while it connects stays closed', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { log, lines } = listeningLog();
  let isClosed = false;
  // After the connection was lost, the first reply comes to a new one. It is closed then, and the proxy passes the reply on.
  const proxy = await startProxy(t, redis.port, (chunk) => {
    if (lines.length > 0) {
      isClosed = true;
      connection.close();
    }
    return chunk;
  });
  const connection = await connect({ url: `redis://127.0.0.1:${proxy.port}` }, { log });
  const client = await operator(t, redis);
  await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes']);
  // Only the operator is left once the attempt has ended.
  const clients = async () =>
    String(await client.sendCommand(['CLIENT', 'LIST']))
      .trim()
      .split('\n').length;
  await until(async () => isClosed && (await clients()) === 1);
  t.throws(() => connection.client, { message: 'the Redis store is closed' });
  t.match(lines, [{ message: 'the connection to the store is lost', details: { server: `127.0.0.1:${proxy.port}` } }]);
});

t.test('a silent server is detected under load: requests without a reply do not hide it', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const proxy = await startProxy(t, redis.port);
  const { log, warnings } = listeningLog();
  const connection = await connect({ url: `redis://127.0.0.1:${proxy.port}` }, { log, timeoutMs: 500 });
  t.teardown(() => connection.close());
  proxy.partition();
  // Without detection, the kernel would close the connection after about 15 minutes.
  for (let tries = 0; warnings().length === 0 && tries < 500; tries++) {
    connection.client.get('key').catch(() => {});
    await sleep(20);
  }
  t.same(warnings(), ['the connection to the store is lost']);
});
