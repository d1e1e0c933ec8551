import { mkdirSync, readdirSync, statSync } from 'node:fs';
import t from 'tap';
import { commandLine, onLmdb, rows } from '../helpers/command-line.ts';
import { startRedis } from '../helpers/redis-server.ts';
import { ANN } from '../helpers/service.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';

t.test('a store is written to a file, and restored from it without sessions', async (t) => {
  const directory = temporaryDirectory(t);
  const [cli, restored] = [commandLine(onLmdb(t)), commandLine(`lmdb:${directory}/data`)];
  await cli(['users', 'add', ANN.username], ANN.password);
  const file = `${directory}/a.mdb`;
  const { out } = await cli(['backup', file]);
  t.equal(out, `Wrote ${file} (${statSync(file).size} bytes).\n`);
  t.same(await restored(['restore', file]), {
    code: 0,
    out: `Restored 1 user to ${directory}/data; ended 0 sessions, kept 0.\n`,
    err: '',
  });
  t.match(rows((await restored('users list --json')).out), [{ username: ANN.username }]);
  t.match(await restored(['restore', file]), {
    code: 1,
    err: `${directory}/data/data.mdb exists already and is not overwritten\n`,
  });
});

t.test('in a directory the file is named after the time', async (t) => {
  const cli = commandLine(onLmdb(t));
  const directory = `${temporaryDirectory(t)}/backups`;
  mkdirSync(directory);
  const [{ file, bytes }] = rows((await cli(['backup', directory, '--json'])).out);
  t.match(file, /\/backups\/login-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z\.mdb$/);
  t.equal(bytes, statSync(file).size);
  t.equal(readdirSync(directory).length, 1);
  for (const missing of [`${directory}/a/b.mdb`, `${directory}/c/`]) {
    t.match(await cli(['backup', missing]), { code: 2, err: /^The directory ".*\/(a|c\/)" does not exist\.\n$/ });
  }
  const other = commandLine(onLmdb(t));
  t.same(rows((await other(['restore', file, '--keep-sessions', '--json'])).out), [{ users: 0, ended: 0, kept: 0 }]);
});

t.test('what is no LMDB store or no backup is refused', async (t) => {
  const onMemory = commandLine('memory:');
  t.match(await onMemory('backup x'), { code: 2, err: /^STORE_URL is memory:/ });
  t.same(await onMemory('restore x'), {
    code: 2,
    out: '',
    err: 'STORE_URL must be lmdb: and the directory of the new store, such as lmdb:./data.\n',
  });
  t.same(await commandLine(onLmdb(t))('restore /nowhere'), {
    code: 1,
    out: '',
    err: '/nowhere does not exist or is empty\n',
  });
});

t.test('Redis has ways of its own', async (t) => {
  const redis = await startRedis(t);
  if (redis !== undefined) {
    t.match(await commandLine(redis.url)('backup x'), {
      code: 2,
      err: /^Only an LMDB store has this command\. For Redis see/,
    });
  }
});
