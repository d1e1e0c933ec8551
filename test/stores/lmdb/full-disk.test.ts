import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { StoreFull } from '../../../src/errors.ts';
import { LmdbEnvironment } from '../../../src/stores/lmdb/environment.ts';
import { Reserve } from '../../../src/stores/lmdb/reserve.ts';
import { LmdbSessionStore } from '../../../src/stores/lmdb/session-store.ts';
import { LmdbUserStore } from '../../../src/stores/lmdb/user-store.ts';
import { newUser } from '../../../src/users/user-store.ts';
import { smallDisk } from '../../helpers/mounts.ts';
import { NODE_ARGUMENTS } from '../../helpers/server-process.ts';
import { owner, record, version } from '../../helpers/service.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';

// Rule 9 of the design: endings work when the disk is full.

/** Occupies all space that is left. */
function fill(directory: string): void {
  for (let size = 1024 * 1024; size >= 1024; size /= 2) {
    try {
      for (let i = 0; ; i++) {
        writeFileSync(`${directory}/fill-${size}-${i}`, Buffer.alloc(size, 1));
      }
    } catch {
      // Full. A smaller file may still fit.
    }
  }
}

function open(path: string) {
  const environment = new LmdbEnvironment(path);
  return { environment, sessions: new LmdbSessionStore(environment), users: new LmdbUserStore(environment) };
}

t.test('on a full disk sessions can be refreshed and ended, and users disabled', async (t) => {
  const disk = smallDisk(t, '6m');
  if (disk === undefined) {
    return;
  }
  const { sessions, users } = open(`${disk}/data`);
  t.teardown(() => sessions.close());
  const ann = newUser('ann', '$a hash');
  await users.create(ann);
  for (let i = 0; i < 200; i++) {
    await sessions.create(record({ id: `id-${i}` }));
  }
  fill(disk);
  // The first of these finds free pages. Without the reserve, the others fail.
  for (let i = 0; i < 50; i++) {
    t.equal(await sessions.replace(record({ id: `id-${i}`, secretHash: `next-${i}` }), version('hash')), true);
  }
  t.equal(await users.replace({ ...ann, disabled: true }, ann.version), true);
  t.equal(await sessions.remove('id-0'), true);
  t.equal(await sessions.removeByUser(owner('user1'), 'id-1'), 198);
  t.equal(await sessions.remove('id-1'), true);
});

t.test('endings that come together on a full disk all succeed', async (t) => {
  const disk = smallDisk(t, '6m');
  if (disk === undefined) {
    return;
  }
  const { sessions } = open(`${disk}/data`);
  t.teardown(() => sessions.close());
  const ids = Array.from({ length: 300 }, (_, i) => `id-${i}`);
  for (const id of ids) {
    await sessions.create(record({ id, secretHash: 'x'.repeat(3000) }));
  }
  fill(disk);
  const removed = await Promise.all(ids.map((id) => sessions.remove(id)));
  t.ok(removed.every((wasThere) => wasThere));
});

t.test('while the reserve is missing nothing new is stored', async (t) => {
  const disk = smallDisk(t, '6m');
  if (disk === undefined) {
    return;
  }
  const { environment, sessions, users } = open(`${disk}/data`);
  t.teardown(() => sessions.close());
  await sessions.create(record());
  rmSync(`${disk}/data/reserve`);
  fill(disk);
  await t.rejects(sessions.create(record({ id: 'new' })), StoreFull);
  await t.rejects(users.create(newUser('ann', '$a hash')), { message: 'the disk is full' });
  t.notOk(existsSync(`${disk}/data/reserve.tmp`), 'an incomplete one is removed');
  t.equal(environment.hasRoom(), false);
});

t.test('on a full disk the service starts, also without a lock file', async (t) => {
  const disk = smallDisk(t, '6m');
  if (disk === undefined) {
    return;
  }
  const path = `${disk}/data`;
  const before = open(path);
  await before.sessions.create(record());
  await before.users.create(newUser('ann', '$a hash'));
  await before.sessions.close();
  rmSync(`${path}/lock.mdb`);
  fill(disk);
  const script = `
    import { openStores } from './src/stores/open-stores.ts';
import { closeStores } from './src/stores/stores.ts';
    const stores = await openStores('lmdb:${path}');
    console.log((await stores.sessions.find('id')).session.username, await stores.sessions.remove('id'));
    await closeStores(stores);`;
  const args = [...NODE_ARGUMENTS, '--input-type=module', '--eval', script];
  t.equal(execFileSync(process.execPath, args, { encoding: 'utf8' }), 'user1 true\n');
});

t.test('a new store on a full disk is refused with the reason', async (t) => {
  const disk = smallDisk(t, '64k');
  if (disk === undefined) {
    return;
  }
  mkdirSync(`${disk}/data`);
  fill(disk);
  t.throws(() => new LmdbEnvironment(`${disk}/data`), { name: 'StoreOpenError', message: /ENOSPC: no space left/ });
});

t.test('without room for anything new, sessions and users are refused', async (t) => {
  const Full = class extends LmdbEnvironment {
    override hasRoom(): boolean {
      return false;
    }
  };
  const environment = new Full(temporaryDirectory(t));
  t.teardown(() => environment.close());
  await t.rejects(new LmdbSessionStore(environment).create(record()), StoreFull);
  await t.rejects(new LmdbUserStore(environment).create(newUser('ann', '$a hash')), { message: 'the disk is full' });
});

t.test('the reserve occupies a megabyte, is released once, and is written again a second later', async (t) => {
  const path = temporaryDirectory(t);
  const reserve = new Reserve(path);
  t.equal(reserve.ensure(), true);
  const { size, blocks, mode } = statSync(`${path}/reserve`);
  t.same([size, blocks * 512 >= size, mode & 0o777], [1024 * 1024, true, 0o600]);
  reserve.release();
  reserve.release();
  t.same(readdirSync(path), []);
  t.equal(reserve.ensure(), false, 'the room is for the ending that released it');
  t.intercept(performance, 'now', { value: () => Number.MAX_SAFE_INTEGER });
  t.equal(reserve.ensure(), true);
});

t.test('a reserve that cannot be written is tried again', async (t) => {
  const path = `${temporaryDirectory(t)}/missing`;
  const reserve = new Reserve(path);
  t.equal(reserve.ensure(), false);
  mkdirSync(path);
  t.equal(reserve.ensure(), false, 'at most once a second');
  t.equal(new Reserve(path).ensure(), true);
  rmSync(`${path}/reserve`);
  rmdirSync(path);
});

t.test('without room for a lock file the reserve is released, and the start goes on', async (t) => {
  // A limit on the size of files that is smaller than the reserve stands for a disk that has no room for it.
  const path = temporaryDirectory(t);
  const script = `
    import { LmdbEnvironment } from './src/stores/lmdb/environment.ts';
    process.on('SIGXFSZ', () => {});
    try { new LmdbEnvironment(${JSON.stringify(path)}); } catch (error) { console.log(error.message); }`;
  const node = [process.execPath, ...NODE_ARGUMENTS, '--input-type=module', '--eval', script];
  const out = execFileSync('sh', ['-c', 'ulimit -f 8; exec "$0" "$@"', ...node], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.match(out, /cannot be opened: .*EFBIG/);
});
