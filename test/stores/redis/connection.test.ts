import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@redis/client';
import t, { type Test } from 'tap';
import type { RedisConnection } from '../../../src/stores/redis/connection.ts';
import { RedisSessionStore } from '../../../src/stores/redis/session-store.ts';
import type { StoreLog } from '../../../src/stores/store-log.ts';
import { StoreNotOpened } from '../../../src/stores/store-not-opened.ts';
import { record } from '../../helper.ts';
import { program } from '../../programs.ts';
import { freePort, startRedis } from '../../redis-server.ts';
import { startProxy } from '../../tcp-proxy.ts';
import { connect } from './connect.ts';

function listeningLog() {
  const lines: { level: string; message: string; details: object }[] = [];
  const log: StoreLog = {
    info: (details, message) => lines.push({ level: 'info', message, details }),
    warn: (details, message) => lines.push({ level: 'warn', message, details }),
  };
  return {
    log,
    lines,
    warnings: () => lines.filter(({ level }) => level === 'warn').map(({ message }) => message),
  };
}

/** That a store on this connection does its work. */
async function works(t: Test, connection: RedisConnection): Promise<void> {
  const store = new RedisSessionStore(connection);
  t.teardown(() => store.close());
  t.equal(await store.create(record()), true);
  t.same(await store.find('id'), record());
  t.equal(await store.replace(record({ secretHash: 'next' }), 'hash'), true);
  t.same(await store.listByUser('user1'), [record({ secretHash: 'next' })]);
  t.equal(await store.remove('id'), true);
  t.equal(await store.find('id'), undefined);
}

t.test('a good server is no reason for a warning', async (t) => {
  const redis = await startRedis(t);
  if (redis) {
    const { log, lines } = listeningLog();
    const connection = await connect(redis, { log });
    await works(t, connection);
    t.equal(connection.tracks, true);
    t.same(lines, []);
  }
});

t.test('settings that lose sessions are warned of', async (t) => {
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

t.test('user, password and database are those of the address', async (t) => {
  const acl = ['--user', 'ann', 'on', '>p@ss/word', '~test:*', '+@all'];
  const redis = await startRedis(t, ['--requirepass', 'hunter2', ...acl]);
  if (redis === undefined) {
    return;
  }
  const at = (rest: string) => ({ url: `redis://${rest.replace('HOST', `127.0.0.1:${redis.port}`)}` });
  await works(t, await connect(at('ann:p%40ss%2Fword@HOST/3')));
  await works(t, await connect(at(':hunter2@HOST')));
  for (const wrong of [at('HOST'), at('ann:wrong@HOST'), at('nobody:hunter2@HOST')]) {
    const told = (await t.rejects(connect(wrong), StoreNotOpened)) as Error;
    t.match(told.message, /^The Redis server refuses us: (NOAUTH|WRONGPASS)/);
    t.notMatch(told.message, 'hunter2');
  }
  await t.rejects(connect(at(':hunter2@HOST/99')), StoreNotOpened, 'a database that there is not');

  const operator = await createClient({ url: at(':hunter2@HOST/3').url }).connect();
  t.teardown(() => operator.destroy());
  const store = new RedisSessionStore(await connect(at(':hunter2@HOST/3')));
  t.teardown(() => store.close());
  await store.create(record());
  t.equal(await operator.exists('test:session:id'), 1);
});

t.test('a Unix socket will do', async (t) => {
  const socket = `${t.testdir({})}/redis.sock`;
  const redis = await startRedis(t, ['--unixsocket', socket, '--appendonly', 'yes']);
  if (redis) {
    await works(t, await connect({ url: `redis+unix://${socket}?db=2` }));
  }
});

t.test('TLS will do, with a certificate that is known, and no other', async (t) => {
  const openssl = program(t, 'openssl');
  if (openssl === undefined) {
    return;
  }
  const dir = t.testdir({});
  const files = ['-keyout', `${dir}/key.pem`, '-out', `${dir}/cert.pem`];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  execFileSync(
    openssl,
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', ...subject, ...files],
    {
      stdio: 'ignore',
    },
  );
  const port = await freePort();
  const tls = [
    '--tls-port',
    String(port),
    '--tls-cert-file',
    `${dir}/cert.pem`,
    '--tls-key-file',
    `${dir}/key.pem`,
  ];
  const redis = await startRedis(t, [
    ...tls,
    '--tls-ca-cert-file',
    `${dir}/cert.pem`,
    '--tls-auth-clients',
    'no',
  ]);
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
  execFileSync(process.execPath, [...process.execArgv, '--input-type=module', '--eval', script], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: `${dir}/cert.pem` },
  });
});

t.test('a server, a user or a proxy without tracking is asked every time, with one warning', async (t) => {
  const told = 'the store tells of no changes: every request asks it';
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
    t.equal(connection.tracks, false);
    t.same(warnings(), [told]);
    await works(t, connection);
  }
});

t.test('a connection that is lost is told once, and found again', async (t) => {
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

t.test('a server that will not have us back is told with its reason, once', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { log, warnings } = listeningLog();
  const connection = await connect(redis, { log });
  t.teardown(() => connection.close());
  const operator = await createClient({ url: redis.url }).connect();
  t.teardown(() => operator.destroy());
  await operator.configSet('requirepass', 'hunter2');
  await operator.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes']);
  await sleep(1000);
  t.same(warnings(), ['the connection to the store is lost', 'the store refuses the connection']);
  await operator.configSet('requirepass', '');
  while (!connection.isCurrent) {
    await sleep(10);
  }
  await works(t, connection);
});

t.test('a server that is too old is said so', async (t) => {
  const redis = await startRedis(t);
  if (redis) {
    const { port } = await startProxy(t, redis.port, (chunk) =>
      chunk.replace(/redis_version:\d+\.\d/, 'redis_version:5.0'),
    );
    const told = (await t.rejects(connect({ url: `redis://127.0.0.1:${port}` }), StoreNotOpened)) as Error;
    t.match(told.message, /^Redis 6.2 or newer, or Valkey, is needed; this server is 5\.0/);
  }
});

t.test('a connection that is closed while it is being made stays closed', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  await redis.kill();
  const connection = await connect(redis);
  await redis.restart();
  redis.freeze();
  // Long enough for the next attempt, which is accepted and not answered.
  await sleep(500);
  await connection.close();
  redis.thaw();
  await sleep(200);
  t.throws(() => connection.client, { message: 'the Redis store is closed' });
});
