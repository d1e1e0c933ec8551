import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { mock } from 'node:test';
import t, { type Test } from 'tap';
import { StoreOpenError } from '../../../src/stores/engine.ts';
import { LmdbEnvironment } from '../../../src/stores/lmdb/environment.ts';
import { LmdbSessionStore } from '../../../src/stores/lmdb/session-store.ts';
import { NODE_ARGUMENTS } from '../../helpers/server-process.ts';
import { owner, record } from '../../helpers/service.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';

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
    const told = t.throws(() => new LmdbEnvironment(wrong), StoreOpenError) as Error;
    t.match(told.message, `The LMDB store in ${wrong} cannot be opened: `);
    t.match(told.message, 'STORE_URL must be lmdb: and a directory');
  }
});

t.test('a file of another format, or a truncated one, is a StoreOpenError and not a crash', async (t) => {
  const cases: Record<string, (file: string) => void> = {
    'is not an LMDB file': (file) => writeFileSync(file, Buffer.alloc(20_000, 'garbage')),
    'not an LMDB file': (file) => writeFileSync(file, 'short'),
    'bytes are missing at its end': (file) => truncateSync(file, statSync(file).size - 4096),
    'data.mdb is damaged': (file) => truncateSync(file, 9000),
  };
  for (const [message, damage] of Object.entries(cases)) {
    const path = await filled(t);
    damage(`${path}/data.mdb`);
    const told = t.throws(() => new LmdbEnvironment(path), StoreOpenError) as Error;
    t.match(told.message, message);
  }
});

t.test('a store that cannot be opened leaves nothing open', async (t) => {
  const path = temporaryDirectory(t);
  writeFileSync(`${path}/data.mdb`, 'garbage');
  const silent = { info() {}, warn() {} };
  await t.rejects(LmdbEnvironment.open(path, silent), StoreOpenError);
  t.same(readdirSync(path), ['data.mdb']);
  await t.rejects(LmdbEnvironment.open(`${path}/data.mdb`, silent), {
    name: 'StoreOpenError',
    message: `The LMDB store in ${path}/data.mdb cannot be opened: `,
  });
});

t.test('a data file that cannot be read is no crash either', async (t) => {
  const path = temporaryDirectory(t);
  mkdirSync(`${path}/data.mdb`);
  t.throws(() => new LmdbEnvironment(path), StoreOpenError);
  rmdirSync(`${path}/data.mdb`);
  symlinkSync('data.mdb', `${path}/data.mdb`);
  t.throws(() => new LmdbEnvironment(path), StoreOpenError);
});

t.test('an empty data file becomes a new database', async (t) => {
  const path = temporaryDirectory(t);
  writeFileSync(`${path}/data.mdb`, '');
  const store = new LmdbSessionStore(new LmdbEnvironment(path));
  t.equal(await store.create(record()), true);
  await store.close();
});

t.test('only the owner can read the files', async (t) => {
  const path = `${temporaryDirectory(t)}/new/data`;
  const environment = new LmdbEnvironment(path);
  t.teardown(() => environment.close());
  const modes = ['', '/data.mdb', '/lock.mdb'].map((file) => (statSync(`${path}${file}`).mode & 0o777).toString(8));
  t.same(modes, ['700', '600', '600']);
});

t.test('two processes see the writes of each other at once', async (t) => {
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
    await store.create({ ...record, session: { ...record.session, id: 'from there' } });
    console.log(await store.remove('from here'));
    await store.close();`;
  const args = [...NODE_ARGUMENTS, '--input-type=module', '--eval', script];
  t.equal(execFileSync(process.execPath, args, { encoding: 'utf8' }), 'true\n');
  // In the same turn of the event loop as the first `find`.
  t.equal(store.find('from here'), undefined);
  t.same(store.find('from there'), record({ id: 'from there' }));
});

t.test('the end of a session is flushed to the disk before it is acknowledged', async (t) => {
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
  await store.removeByUser(owner('user1'));
  t.same(flushes, ['flushed', 'flushed']);
});

t.test('on a full disk records stay, sessions can be ended, and the process goes on', async (t) => {
  const path = temporaryDirectory(t);
  const script = `
    import { LmdbEnvironment } from './src/stores/lmdb/environment.ts';
    import { LmdbSessionStore } from './src/stores/lmdb/session-store.ts';
    // The system sends this signal together with the error. It would end the process.
    process.on('SIGXFSZ', () => {});
    const store = new LmdbSessionStore(new LmdbEnvironment(${JSON.stringify(path)}));
    const record = { ...${JSON.stringify(record())}, secretHash: 'x'.repeat(20_000) };
    const made = [];
    for (let failures = 0, i = 0; failures < 5; i++) {
      const session = { ...record.session, id: 'id-' + i };
      await store.create({ ...record, session }).then(() => made.push(session.id), () => failures++);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    const missing = made.filter((id) => store.find(id) === undefined);
    // The file has no room for the first of them. They reject, and make room for the others.
    const removals = await Promise.allSettled(made.map((id) => store.remove(id)));
    const removed = removals.filter(({ value }) => value === true).length;
    await store.close();
    console.log(JSON.stringify({ made: made.length > 100, removed: removed > made.length / 2, missing }));`;
  // Simulates a disk that is full after 16 MiB.
  const limited = 'ulimit -f 32768; exec "$0" "$@"';
  const node = [process.execPath, ...NODE_ARGUMENTS, '--input-type=module', '--eval', script];
  const out = execFileSync('sh', ['-c', limited, ...node], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.match(JSON.parse(out), { made: true, removed: true, missing: [] });
});

t.test('slots of dead readers are freed once a minute', async (t) => {
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
  const args = [...NODE_ARGUMENTS, '--input-type=module', '--eval', script];
  t.throws(() => execFileSync(process.execPath, args));
  const lockFile = () => readFileSync(`${path}/lock.mdb`).toString('hex');
  const before = lockFile();
  mock.timers.tick(60_000);
  t.not(lockFile(), before);
  t.same(store.find('id'), record());
});

/** A transaction that stays open until `end` is called, as on a disk that hangs. */
function hanging() {
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { action: () => ended, end: () => end() };
}

t.test('on a disk that hangs a bounded number of writes waits, and endings wait longer', async (t) => {
  const environment = new LmdbEnvironment(temporaryDirectory(t));
  t.teardown(() => environment.close());
  const { action, end } = hanging();
  const refused = async (results: Promise<string>[]) =>
    (await Promise.allSettled(results)).flatMap((result) =>
      result.status === 'rejected' ? [result.reason.message] : [],
    );
  const times = (count: number, write: () => Promise<string>) => refused(Array.from({ length: count }, write));
  const hung = environment.write(action);
  const writes = times(6000, () => environment.write(() => 'written'));
  const ending = environment.writeDurably(() => 'ended');
  const endings = times(6000, () => environment.writeDurably(() => 'ended'));
  end();
  // 20 transactions are open, the first one among them.
  t.same(await writes, Array(981).fill('5000 writes wait for the disk already'));
  t.equal(await ending, 'ended');
  t.same(await endings, Array(1001).fill('10000 writes wait for the disk already'));
  await hung;
  t.equal(await environment.write(() => 'written'), 'written');
});

t.test('close does not wait longer than two seconds for a transaction that never ends', async (t) => {
  const environment = new LmdbEnvironment(temporaryDirectory(t));
  await environment.write(() => 'written');
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const { action, end } = hanging();
  t.teardown(end);
  environment.write(action).catch(() => {});
  const closing = environment.close();
  mock.timers.tick(2000);
  await closing;
  await t.rejects(
    environment.write(() => 'written'),
    { message: 'the LMDB store is closed' },
  );
});
