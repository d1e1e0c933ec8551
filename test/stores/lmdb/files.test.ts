import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { open } from 'lmdb';
import t from 'tap';
import { StoreOpenError } from '../../../src/stores/engine.ts';
import { LmdbEnvironment } from '../../../src/stores/lmdb/environment.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';
import { listeningLog } from '../redis/connect.ts';

const modeOf = (file: string) => (statSync(file).mode & 0o777).toString(8);

t.test('the lock file has its space from the start', async (t) => {
  const path = temporaryDirectory(t);
  const environment = new LmdbEnvironment(path);
  t.teardown(() => environment.close());
  const { size, blocks } = statSync(`${path}/lock.mdb`);
  t.equal(size, 8272, 'the size that LMDB uses, so it has not replaced it');
  t.ok(blocks * 512 >= size, 'it is not sparse');
});

t.test('a lock file that appears meanwhile is left as it is', async (t) => {
  const path = temporaryDirectory(t);
  // It does not exist for a check, but a link with its name cannot be made.
  symlinkSync('elsewhere', `${path}/lock.mdb`);
  await new LmdbEnvironment(path).close();
  t.same(readdirSync(path).sort(), ['closed', 'data.mdb', 'elsewhere', 'lock.mdb', 'reserve']);
});

t.test('existing files that others can read are closed to them, but not to the group', async (t) => {
  const path = temporaryDirectory(t);
  await new LmdbEnvironment(path).close();
  chmodSync(`${path}/data.mdb`, 0o664);
  chmodSync(`${path}/lock.mdb`, 0o666);
  const { log, lines } = listeningLog();
  await new LmdbEnvironment(path, log).close();
  t.same([modeOf(`${path}/data.mdb`), modeOf(`${path}/lock.mdb`)], ['660', '660']);
  t.same(lines, []);
});

t.test('if they belong to another user, a warning is logged', async (t) => {
  const path = temporaryDirectory(t);
  await new LmdbEnvironment(path).close();
  chmodSync(`${path}/data.mdb`, 0o644);
  const { log, lines } = listeningLog();
  t.intercept(process, 'getuid', { value: () => 12_345 });
  await new LmdbEnvironment(path, log).close();
  await new LmdbEnvironment(path).close();
  t.equal(modeOf(`${path}/data.mdb`), '644');
  t.match(lines, [{ level: 'warn', details: { mode: '644' }, message: /other users can read the store/ }]);
});

t.test('a store that too many processes have open is refused, and the limit is named', async (t) => {
  const path = temporaryDirectory(t);
  mkdirSync(`${path}/data`);
  // A lock file for two readers.
  const root = open({ path: `${path}/data`, noSubdir: false, maxReaders: 1, maxDbs: 8 });
  root.openDB({ name: 'sessions' }).doesExist('');
  t.teardown(() => root.close());
  const error = t.throws(() => new LmdbEnvironment(`${path}/data`), StoreOpenError) as Error;
  t.match(error.message, /MDB_READERS_FULL.* At most 126 processes can have it open\./);
});
