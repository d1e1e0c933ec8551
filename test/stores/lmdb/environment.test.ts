import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { mock } from 'node:test';
import t, { type Test } from 'tap';
import { LmdbEnvironment } from '../../../src/stores/lmdb/environment.ts';
import { LmdbSessionStore } from '../../../src/stores/lmdb/session-store.ts';
import { StoreNotOpened } from '../../../src/stores/store-not-opened.ts';
import { record } from '../../helper.ts';
import { temporaryDirectory } from '../../temporary-directory.ts';

async function filled(t: Test): Promise<string> {
  const path = temporaryDirectory(t);
  const store = new LmdbSessionStore(new LmdbEnvironment(path));
  for (let i = 0; i < 200; i++) {
    await store.create(record({ id: `id-${i}` }));
  }
  await store.close();
  return path;
}

t.test('a path that cannot be used stops the start with a message', async (t) => {
  const path = temporaryDirectory(t);
  writeFileSync(`${path}/file`, 'a file');
  for (const wrong of [`${path}/file`, `${path}/file/below`, '/dev/null/data']) {
    const told = t.throws(() => new LmdbEnvironment(wrong), StoreNotOpened) as Error;
    t.match(told.message, `The LMDB store in ${wrong} cannot be opened: `);
    t.match(told.message, 'STORE_URL must be lmdb: and a directory');
  }
});

t.test('a file that is not LMDB’s, or that lost its end, stops the start and not the process', async (t) => {
  const cases: Record<string, (file: string) => void> = {
    'is no LMDB file': (file) => writeFileSync(file, Buffer.alloc(20_000, 'garbage')),
    'no LMDB file': (file) => writeFileSync(file, 'short'),
    'bytes are missing at its end': (file) => truncateSync(file, statSync(file).size - 4096),
    'data.mdb is damaged': (file) => truncateSync(file, 9000),
  };
  for (const [message, damage] of Object.entries(cases)) {
    const path = await filled(t);
    damage(`${path}/data.mdb`);
    const told = t.throws(() => new LmdbEnvironment(path), StoreNotOpened) as Error;
    t.match(told.message, message);
  }
});

t.test('a data file that cannot be read as one is no crash either', async (t) => {
  const path = temporaryDirectory(t);
  mkdirSync(`${path}/data.mdb`);
  t.throws(() => new LmdbEnvironment(path), StoreNotOpened);
  rmdirSync(`${path}/data.mdb`);
  symlinkSync('data.mdb', `${path}/data.mdb`);
  t.throws(() => new LmdbEnvironment(path), StoreNotOpened);
});

t.test('an empty data file is a new one', async (t) => {
  const path = temporaryDirectory(t);
  writeFileSync(`${path}/data.mdb`, '');
  const store = new LmdbSessionStore(new LmdbEnvironment(path));
  t.equal(await store.create(record()), true);
  await store.close();
});

t.test('the files are for their owner alone', async (t) => {
  const path = `${temporaryDirectory(t)}/new/data`;
  const environment = new LmdbEnvironment(path);
  t.teardown(() => environment.close());
  const modes = ['', '/data.mdb', '/lock.mdb'].map((file) =>
    (statSync(`${path}${file}`).mode & 0o777).toString(8),
  );
  t.same(modes, ['700', '600', '600']);
});

t.test(
  'another process sees what was written here at once, and this one what was written there',
  async (t) => {
    const path = temporaryDirectory(t);
    const store = new LmdbSessionStore(new LmdbEnvironment(path));
    t.teardown(() => store.close());
    await store.create(record({ id: 'from here' }));
    t.equal(store.find('from there'), undefined);
    const script = `
    import { LmdbEnvironment } from './src/stores/lmdb/environment.ts';
    import { LmdbSessionStore } from './src/stores/lmdb/session-store.ts';
    const store = new LmdbSessionStore(new LmdbEnvironment(${JSON.stringify(path)}));
    const record = store.find('from here');
    await store.create({ ...record, id: 'from there' });
    console.log(await store.remove('from here'));
    await store.close();`;
    const args = [...process.execArgv, '--input-type=module', '--eval', script];
    t.equal(execFileSync(process.execPath, args, { encoding: 'utf8' }), 'true\n');
    // In the same turn of the event loop as the look before.
    t.equal(store.find('from here'), undefined);
    t.same(store.find('from there'), record({ id: 'from there' }));
  },
);

t.test('the file stops growing when as many sessions go as come', async (t) => {
  const path = temporaryDirectory(t);
  const store = new LmdbSessionStore(new LmdbEnvironment(path));
  t.teardown(() => store.close());
  const size = () => statSync(`${path}/data.mdb`).size;
  const sizes: number[] = [];
  for (let wave = 0; wave < 12; wave++) {
    const ids = Array.from({ length: 1000 }, (_, i) => `wave-${wave}-${i}`);
    await Promise.all(ids.map((id) => store.create(record({ id }))));
    await Promise.all(ids.map((id) => store.replace(record({ id, secretHash: 'next' }), 'hash')));
    await Promise.all(ids.map((id) => store.remove(id)));
    sizes.push(size());
  }
  t.ok((sizes.at(-1) as number) <= 1.5 * (sizes[5] as number), sizes.join(' '));
});

t.test('an ending is flushed to the disk before it is acknowledged', async (t) => {
  const path = temporaryDirectory(t);
  const flushes: string[] = [];
  const Watched = class extends LmdbEnvironment {
    override async writeDurably<T>(action: () => T): Promise<T> {
      const result = await super.writeDurably(action);
      flushes.push('flushed');
      return result;
    }
  };
  const store = new LmdbSessionStore(new Watched(path));
  t.teardown(() => store.close());
  await store.create(record());
  await store.create(record({ id: 'other' }));
  t.same(flushes, []);
  await store.remove('id');
  t.same(flushes, ['flushed']);
  await store.removeByUser('user1');
  t.same(flushes, ['flushed', 'flushed']);
});

t.test('on a full disk a write fails, nothing else does, and what was acknowledged stays', async (t) => {
  const path = temporaryDirectory(t);
  const script = `
    import { LmdbEnvironment } from './src/stores/lmdb/environment.ts';
    import { LmdbSessionStore } from './src/stores/lmdb/session-store.ts';
    // What the system sends along with the error, and would end the process.
    process.on('SIGXFSZ', () => {});
    const store = new LmdbSessionStore(new LmdbEnvironment(${JSON.stringify(path)}));
    const record = { ...${JSON.stringify(record())}, secretHash: 'x'.repeat(20_000) };
    const made = [];
    for (let failures = 0, i = 0; failures < 5; i++) {
      await store.create({ ...record, id: 'id-' + i }).then(() => made.push('id-' + i), () => failures++);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    const missing = made.filter((id) => store.find(id) === undefined);
    // More than the file has room for at once: endings may fail, and then say so.
    await Promise.allSettled(made.map((id) => store.remove(id)));
    await store.close();
    console.log(JSON.stringify({ made: made.length > 100, missing }));`;
  // As a disk that is full after 16 MiB.
  const limited = 'ulimit -f 32768; exec "$0" "$@"';
  const node = [process.execPath, ...process.execArgv, '--input-type=module', '--eval', script];
  const out = execFileSync('sh', ['-c', limited, ...node], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.match(JSON.parse(out), { made: true, missing: [] });
});

t.test('slots of readers that died are given back once a minute', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const path = temporaryDirectory(t);
  const store = new LmdbSessionStore(new LmdbEnvironment(path));
  t.teardown(() => store.close());
  await store.create(record());
  const script = `
    import { LmdbEnvironment } from './src/stores/lmdb/environment.ts';
    import { LmdbSessionStore } from './src/stores/lmdb/session-store.ts';
    new LmdbSessionStore(new LmdbEnvironment(${JSON.stringify(path)})).find('id');
    process.kill(process.pid, 'SIGKILL');`;
  const args = [...process.execArgv, '--input-type=module', '--eval', script];
  t.throws(() => execFileSync(process.execPath, args));
  const lockFile = () => readFileSync(`${path}/lock.mdb`).toString('hex');
  const before = lockFile();
  mock.timers.tick(60_000);
  t.not(lockFile(), before);
  t.same(store.find('id'), record());
});
