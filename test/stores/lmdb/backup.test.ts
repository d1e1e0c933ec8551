import {
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import t, { type Test } from 'tap';
import { backupTo, restoreFrom } from '../../../src/stores/lmdb/backup.ts';
import { LmdbEnvironment } from '../../../src/stores/lmdb/environment.ts';
import { assertIntact, wasClosed } from '../../../src/stores/lmdb/integrity.ts';
import { LmdbSessionStore } from '../../../src/stores/lmdb/session-store.ts';
import { openStores } from '../../../src/stores/open-stores.ts';
import { closeStores } from '../../../src/stores/stores.ts';
import { newUser, type UserRecord } from '../../../src/users/user-store.ts';
import { MEASURED } from '../../helpers/built-command.ts';
import { owner, record } from '../../helpers/service.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';
import { listeningLog } from '../redis/connect.ts';

/** Stores with two users and 100 sessions. */
async function filled(t: Test) {
  const path = `${temporaryDirectory(t)}/data`;
  const stores = await openStores(`lmdb:${path}`);
  t.teardown(() => closeStores(stores));
  for (const name of ['user1', 'user2']) {
    await stores.users.create(newUser(name, '$hash'));
  }
  for (let i = 0; i < 100; i++) {
    await stores.sessions.create(
      record({ id: `id-${i}`, username: `user${1 + (i % 2)}`, expiresAt: Date.now() + 1e6 }),
    );
  }
  return { path, stores, backup: stores.backup as (file: string) => Promise<void> };
}

/** Writes without a pause until the returned function is called. */
function keepWriting({ sessions }: Awaited<ReturnType<typeof openStores>>): () => Promise<void> {
  let isOver = false;
  let count = 0;
  const worker = async () => {
    while (!isOver) {
      const id = `new-${count++}`;
      await sessions.create(record({ id, expiresAt: Date.now() + 1e6, data: { text: 'x'.repeat(500) } }));
      await sessions.remove(`new-${count - 20}`);
    }
  };
  const workers = Array.from({ length: 10 }, worker);
  return async () => {
    isOver = true;
    await Promise.all(workers);
  };
}

t.test('a backup that is made under load has every user and session of its moment', async (t) => {
  const { stores, backup } = await filled(t);
  const stop = keepWriting(stores);
  const directory = temporaryDirectory(t);
  for (let i = 0; i < 2; i++) {
    await backup(`${directory}/${i}.mdb`);
  }
  await stop();
  t.same(readdirSync(directory), ['0.mdb', '1.mdb'], 'nothing else is left');
  t.equal(statSync(`${directory}/0.mdb`).mode & 0o777, 0o600);
  for (const name of readdirSync(directory)) {
    const path = `${temporaryDirectory(t)}/restored`;
    const { users, sessions } = await restoreFrom(`${directory}/${name}`, path, { keepSessions: true });
    t.equal(users, 2);
    const copy = await openStores(`lmdb:${path}`);
    t.equal((await copy.sessions.listByUser(owner('user2'))).length, 50);
    t.ok(sessions >= 100);
    await closeStores(copy);
  }
});

t.test('a restored store has no sessions, unless they are kept', async (t) => {
  const { backup } = await filled(t);
  const file = `${temporaryDirectory(t)}/backup.mdb`;
  await backup(file);
  const path = `${temporaryDirectory(t)}/a/b`;
  t.same(await restoreFrom(file, path, { keepSessions: false }), { users: 2, sessions: 100 });
  t.same(readdirSync(path), ['data.mdb']);
  const { sessions, users, ...rest } = await openStores(`lmdb:${path}`);
  t.equal(await sessions.find('id-0'), undefined);
  t.same(await sessions.listByUser(owner('user1')), []);
  t.match(await users.find('user1'), { username: 'user1' });
  t.equal(await sessions.create(record({ id: 'id-0', expiresAt: Date.now() + 1e6 })), true);
  await closeStores({ sessions, users, ...rest });
  await assertIntact(path);
});

t.test('a link to set a password is not restored: it may have been used since', async (t) => {
  const { stores, backup } = await filled(t);
  const user = await stores.users.find('user1');
  await stores.users.replace(
    { ...user, passwordLink: { secretHash: 'x', expiresAt: 1 } } as UserRecord,
    user?.version ?? '',
  );
  const directory = temporaryDirectory(t);
  await backup(`${directory}/backup.mdb`);
  await restoreFrom(`${directory}/backup.mdb`, `${directory}/data`, { keepSessions: true });
  const restored = await openStores(`lmdb:${directory}/data`);
  t.same(await restored.users.find('user1'), user);
  await closeStores(restored);
});

t.test(
  'root makes no files that the owner of the directory cannot open',
  { skip: process.getuid?.() !== 0 },
  async (t) => {
    const { backup } = await filled(t);
    const directory = temporaryDirectory(t);
    await backup(`${directory}/backup.mdb`);
    const path = `${directory}/data`;
    mkdirSync(path);
    chownSync(path, 12_345, 12_346);
    await restoreFrom(`${directory}/backup.mdb`, path, { keepSessions: false });
    await closeStores(await openStores(`lmdb:${path}`));
    for (const name of ['data.mdb', 'lock.mdb', 'reserve', 'closed']) {
      t.match(statSync(`${path}/${name}`), { uid: 12_345, gid: 12_346 }, name);
    }
  },
);

t.test('nothing is overwritten, and a store in use is not replaced', async (t) => {
  const { backup, path } = await filled(t);
  const directory = temporaryDirectory(t);
  const file = `${directory}/backup.mdb`;
  await backup(file);
  await t.rejects(backup(file), { message: `${file} exists already and is not overwritten` });
  const inUse = process.platform === 'linux' ? /has the store in .* open: stop the service first/ : /exists/;
  await t.rejects(restoreFrom(file, path, { keepSessions: false }), { message: inUse });
  const stopped = `${directory}/stopped`;
  mkdirSync(stopped);
  copyFileSync(file, `${stopped}/data.mdb`);
  await t.rejects(restoreFrom(file, stopped, { keepSessions: false }), {
    message: `${stopped}/data.mdb exists already and is not overwritten`,
  });
  t.same(readdirSync(stopped), ['data.mdb']);
  await t.rejects(backup(`${directory}/missing/backup.mdb`), { code: 'ENOENT' });
});

t.test(
  'a backup that is missing, empty, damaged or of another program is rejected, and nothing is restored',
  async (t) => {
    const { backup } = await filled(t);
    const directory = temporaryDirectory(t);
    const file = `${directory}/backup.mdb`;
    await backup(file);
    const cases: Record<string, [RegExp, (path: string) => void]> = {
      missing: [/does not exist or is empty/, () => {}],
      empty: [/does not exist or is empty/, (path) => writeFileSync(path, '')],
      garbage: [/is not an LMDB file/, (path) => writeFileSync(path, Buffer.alloc(9000, 'x'))],
      short: [
        /data\.mdb is damaged: /,
        (path) => {
          copyFileSync(file, path);
          truncateSync(path, statSync(path).size - 4096);
        },
      ],
      pages: [/data\.mdb is damaged: /, (path) => writeFileSync(path, damaged(readFileSync(file)))],
    };
    for (const [name, [message, make]] of Object.entries(cases)) {
      const path = `${directory}/${name}`;
      make(path);
      await t.rejects(restoreFrom(path, `${directory}/data`, { keepSessions: true }), { message }, name);
    }
    t.same(readdirSync(`${directory}/data`), []);
  },
);

/** Pages of another moment, as in a copy that was made while the database was in use. The two pages at the start stay. */
function damaged(bytes: Buffer): Buffer {
  const [page, count] = [4096, bytes.length / 4096];
  const result = Buffer.from(bytes);
  for (let i = 2; i < count; i++) {
    bytes.copy(result, i * page, (2 + ((i + 1) % (count - 2))) * page, (3 + ((i + 1) % (count - 2))) * page);
  }
  return result;
}

/** Measures the coverage of the processes that check a store during the test. */
function measureChecks(t: Test): void {
  Object.assign(process.env, MEASURED);
  t.teardown(() => {
    delete process.env.NODE_V8_COVERAGE;
  });
}

t.test('a store with wrong pages is a StoreOpenError at its start, and not a crash', async (t) => {
  const { backup } = await filled(t);
  const path = temporaryDirectory(t);
  await backup(`${path}/backup.mdb`);
  writeFileSync(`${path}/data.mdb`, damaged(readFileSync(`${path}/backup.mdb`)));
  await t.rejects(openStores(`lmdb:${path}`), {
    name: 'StoreOpenError',
    message:
      /^The LMDB store in .* cannot be opened: data\.mdb is damaged: .* Restore a backup: see "Backup and restore" in docs/,
  });
});

t.test('an index that misses a session, and a value that is no record, are damage', async (t) => {
  measureChecks(t);
  const cases: Record<string, (environment: LmdbEnvironment) => Promise<unknown>> = {
    'data.mdb is damaged: sessions-by-user has 0 entries for 1 sessions': (environment) =>
      environment.index('sessions-by-user').clearAsync(),
    'data.mdb is damaged: sessions has an entry that is not a record': (environment) =>
      environment.table('sessions').put('x', 'text'),
  };
  for (const [message, damage] of Object.entries(cases)) {
    const path = temporaryDirectory(t);
    const environment = new LmdbEnvironment(path);
    const store = new LmdbSessionStore(environment);
    await store.create(record());
    await damage(environment);
    await store.close();
    await t.rejects(assertIntact(path), { message });
    await t.rejects(backupTo(`${path}/copy`, new LmdbEnvironment(path)), { message });
    t.notOk(readdirSync(path).includes('copy'));
  }
});

t.test('a check that takes too long is given up, and the log says so', async (t) => {
  const { path, stores } = await filled(t);
  await closeStores(stores);
  const { log, warnings } = listeningLog();
  await assertIntact(path, { log, timeoutMs: 1 });
  t.same(warnings(), ['the store is large: it could not be checked completely within 1 ms']);
});

t.test('a store that was closed is not checked again, and one that was changed since is', async (t) => {
  const { path, stores, backup } = await filled(t);
  const copy = `${temporaryDirectory(t)}/backup.mdb`;
  await backup(copy);
  await closeStores(stores);
  t.equal(wasClosed(path), true);
  await closeStores(await openStores(`lmdb:${path}`));
  t.equal(wasClosed(path), true);
  writeFileSync(`${path}/data.mdb`, damaged(readFileSync(copy)));
  t.equal(wasClosed(path), false);
  await t.rejects(openStores(`lmdb:${path}`), { name: 'StoreOpenError' });
});

t.test('a count that does not fit is damage', async (t) => {
  measureChecks(t);
  const { backup } = await filled(t);
  const path = temporaryDirectory(t);
  await backup(`${path}/backup.mdb`);
  const bytes = readFileSync(`${path}/backup.mdb`);
  // After the name of a table and a zero: 32 bytes, then the number of its entries (`MDB_db` in the source of LMDB).
  bytes.writeBigUInt64LE(99n, bytes.indexOf('users') + 'users'.length + 33);
  writeFileSync(`${path}/data.mdb`, bytes);
  await t.rejects(assertIntact(path), {
    message: 'data.mdb is damaged: users has 2 of 99 entries',
  });
});
