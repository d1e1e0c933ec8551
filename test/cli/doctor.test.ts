import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { checkNode } from '../../src/cli/doctor.ts';
import { checkDisk } from '../../src/cli/doctor-store.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';
import { newUser } from '../../src/users/user-store.ts';
import { commandLine, rows } from '../helpers/command-line.ts';
import { startRedis } from '../helpers/redis-server.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';
import { openTestStores } from '../helpers/users.ts';

interface Found {
  readonly check: string;
  readonly status: string;
  readonly message: string;
}

/** What the doctor reports about these settings, apart from what is in order. */
async function doctor(storeUrl: string, settings: Record<string, string> = {}) {
  const { code, out, err } = await commandLine(storeUrl, { PUBLIC_URL: 'http://127.0.0.1:1', ...settings })(
    'doctor --json',
  );
  const all: Found[] = rows(out);
  const problems = all.filter(({ status }) => status !== 'ok');
  return { code, err, all, problems: problems.map(({ check, status, message }) => `${status} ${check}: ${message}`) };
}

/** A server in the place of the service. */
async function answering(t: Test, status: number, body: string, keepsId = false): Promise<string> {
  const server = createServer(({ headers }, reply) => {
    const id = String(keepsId && headers['x-request-id']);
    reply.writeHead(status, { 'content-type': 'application/json', 'x-request-id': id }).end(body);
  });
  server.listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const NOT_SIGNED_IN = JSON.stringify({ code: 'NOT_SIGNED_IN' });

t.test('a service that is set up well has no findings, and exit code 0', async (t) => {
  const PUBLIC_URL = await answering(t, 401, NOT_SIGNED_IN);
  const lmdb = `lmdb:${temporaryDirectory(t)}/data`;
  await commandLine(lmdb)('users list');
  const { code, problems, all } = await doctor(lmdb, { PUBLIC_URL });
  t.same(problems, []);
  t.equal(code, 0);
  t.same(
    all.map(({ check }) => check),
    ['versions', 'settings', 'proxy', 'store', 'users', 'public url'],
  );
  const { out } = await commandLine(lmdb, { PUBLIC_URL })('doctor');
  t.match(out, /^ok {6}versions: version \d.* on Node\.js \d/);
});

t.test('invalid settings are errors, one for each', async (t) => {
  const { code, problems } = await doctor('redis://x', { PORT: 'x', TRUST_PROXY: 'x' });
  t.equal(code, 1);
  t.match(problems, [/^error settings: PORT is "x"/, /^error settings: TRUST_PROXY is "x"/]);
});

t.test('the public URL and the proxy', async (t) => {
  const lmdb = `lmdb:${temporaryDirectory(t)}/data`;
  await commandLine(lmdb)('users list');
  const cases: [settings: Record<string, string>, problems: RegExp[]][] = [
    [{ PUBLIC_URL: await answering(t, 404, '{}') }, [/^error public url: .* is answered with 404, not by the service/]],
    [
      { PUBLIC_URL: await answering(t, 200, 'no JSON') },
      [/^error public url: .* is answered with 200, not by the service/],
    ],
    [{}, [/^warning public url: http:\/\/127\.0\.0\.1:1\/session cannot be requested from here: bad port/]],
    [
      { PUBLIC_URL: await answering(t, 401, NOT_SIGNED_IN), TRUST_PROXY: '192.0.2.1' },
      [
        /^warning public url: .* does not trust the proxy: TRUST_PROXY is 192\.0\.2\.1, or the proxy replaces X-Request-Id/,
      ],
    ],
    [{ PUBLIC_URL: await answering(t, 401, NOT_SIGNED_IN, true), TRUST_PROXY: 'loopback' }, []],
    [{ PUBLIC_URL: 'http://login.test' }, [/^error proxy: .* without https, others/, /^warning public url/]],
    [{ PUBLIC_URL: 'https://login.test' }, [/^error proxy: .* TRUST_PROXY is off/, /^warning public url/]],
    [
      { PUBLIC_URL: 'https://login.test', TRUST_PROXY: 'on', HOST: '0.0.0.0' },
      [/^warning proxy: TRUST_PROXY is on and HOST is 0\.0\.0\.0/, /^warning public url/],
    ],
    [{ PUBLIC_URL: 'https://login.test', TRUST_PROXY: 'on', HOST: '127.0.0.1' }, [/^warning public url/]],
  ];
  for (const [settings, expected] of cases) {
    const { problems, code } = await doctor(lmdb, settings);
    t.match(problems, expected);
    t.equal(problems.length, expected.length);
    t.equal(code, expected.some(({ source }) => source.startsWith('^error')) ? 1 : 0);
  }
});

t.test('files that others can read, and known passwords', async (t) => {
  const directory = temporaryDirectory(t);
  const lmdb = `lmdb:${directory}/data`;
  const hash = await new PasswordHasher().hash('password2');
  await commandLine(lmdb)('users import -', `user2:${hash}\n`);
  await commandLine(lmdb)('users add user1', 'another long password');
  writeFileSync(`${directory}/url`, lmdb, { mode: 0o600 });
  const closed = await doctor('', { STORE_URL_FILE: `${directory}/url` });
  t.match(
    closed.all.filter(({ check }) => check === 'files'),
    [{ status: 'ok', message: /^other users of the machine cannot read/ }],
  );
  chmodSync(`${directory}/url`, 0o644);
  chmodSync(directory, 0o755);
  chmodSync(`${directory}/data`, 0o755);
  chmodSync(`${directory}/data/data.mdb`, 0o644);
  const { problems, code } = await doctor('', { STORE_URL_FILE: `${directory}/url` });
  t.match(problems, [
    `warning files: other users of the machine can read ${directory}/url: chmod o= ${directory}/url`,
    `error files: other users of the machine can read ${directory}/data/data.mdb: chmod o= ${directory}/data/data.mdb`,
    'error users: everybody knows the password of user2',
    /^warning public url/,
  ]);
  t.equal(code, 1);
});

t.test('a demo user whose hash cannot be used is no problem of the store', async (t) => {
  const lmdb = `lmdb:${temporaryDirectory(t)}/data`;
  const { users } = await openTestStores(t, lmdb);
  const passwords = new PasswordHasher();
  await users.create({ ...newUser('user1', await passwords.hash('password1')), passwordHash: 'damaged' });
  await users.create({ ...newUser('user2', await passwords.hash('password2')), disabled: true });
  const { all, code } = await doctor(lmdb);
  t.match(
    all.filter(({ check }) => check === 'store' || check === 'users'),
    [
      { check: 'store', status: 'ok' },
      { check: 'users', status: 'warning', message: /^the hash of user1 cannot be used: neither an argon2id hash/ },
      { check: 'users', status: 'ok' },
    ],
  );
  t.equal(code, 0);
});

t.test('stores that lose data, or cannot be used', async (t) => {
  t.match((await doctor('memory:')).problems, ['warning store: memory: keeps users and sessions', /public url/]);
  const directory = temporaryDirectory(t);
  t.match((await doctor(`lmdb:${directory}/new`)).problems, [
    /^warning store: .*\/new has no database yet/,
    /public url/,
  ]);
  t.notOk(existsSync(`${directory}/new`), 'it makes none');
  mkdirSync(`${directory}/data`, { mode: 0o700 });
  writeFileSync(`${directory}/data/data.mdb`, 'garbage', { mode: 0o600 });
  t.match((await doctor(`lmdb:${directory}/data`)).problems, [
    /^error store: The LMDB store in .* cannot be opened/,
    /public url/,
  ]);
});

t.test('Redis out of reach', async (t) => {
  t.match((await doctor('redis://127.0.0.1:1')).problems, [
    /^warning store: the store cannot be reached/,
    /^error store: /,
    /public url/,
  ]);
});

t.test('Redis with settings that lose data', async (t) => {
  const redis = await startRedis(t, ['--maxmemory-policy', 'allkeys-lru']);
  if (redis === undefined) {
    return;
  }
  const { problems, code } = await doctor(redis.url);
  t.match(problems, [
    /^warning store: .* \(maxmemory-policy is allkeys-lru, should be noeviction\)/,
    /^warning store: .* \(appendonly is no, should be yes\)/,
    /public url/,
  ]);
  t.equal(code, 0);
});

t.test('a disk that is full, or in the network', async (t) => {
  t.same([...checkDisk('/data', { type: 0xef53, bavail: 1_000_000, bsize: 4096 })], []);
  t.match(
    [...checkDisk('/data', { type: 0x6969, bavail: 1000, bsize: 4096 })],
    [
      { status: 'error', message: '/data is on NFS: LMDB needs a local disk' },
      { status: 'warning', message: 'the disk of /data has 4 MiB left' },
    ],
  );
});

t.test('a version of Node.js that the package does not support', async (t) => {
  t.match(await checkNode('22.11.0'), { status: 'error', message: /on Node\.js 22\.11\.0: it needs Node\.js \^20/ });
});
