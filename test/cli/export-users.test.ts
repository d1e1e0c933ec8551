import { existsSync, readFileSync, statSync } from 'node:fs';
import t from 'tap';
import { USER_SCHEMA } from '../../src/users/user-store.ts';
import { commandLine, onLmdb, rows } from '../helpers/command-line.ts';
import { startRedis } from '../helpers/redis-server.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';
import { openTestStores } from '../helpers/users.ts';

const HASH = '$argon2id$v=19$m=19456,t=2,p=1$c29tZSBzYWx0IG9mIDE2$aGFzaCBvZiAzMiBieXRlcywgbm90IGEgcmVhbCBvbmU';

const USERS = [
  {
    username: 'Ann',
    passwordHash: HASH,
    id: 'an id of its own',
    disabled: false,
    createdAt: '2030-01-01T12:00:00.000Z',
    passwordChangedAt: '2030-01-02T12:00:00.000Z',
    lastSignInAt: '2030-01-03T12:00:00.000Z',
    passwordExpired: true,
  },
  {
    username: 'bob',
    passwordHash: HASH,
    id: 'bob',
    disabled: true,
    createdAt: '2030-01-01T12:00:00.000Z',
    passwordChangedAt: '2030-01-01T12:00:00.000Z',
  },
];
const LINES = USERS.map((user) => `${JSON.stringify(user)}\n`).join('');

t.test('an exported file has all of a user, and another store gets the same users', async (t) => {
  const [first, second] = [commandLine(onLmdb(t)), commandLine(onLmdb(t))];
  t.match(await first('users import -', LINES), { code: 0, out: 'Imported 2 users; refused 0 lines.\n' });
  const file = `${temporaryDirectory(t)}/users`;
  t.same(await first(['users', 'export', file]), { code: 0, out: `Exported 2 users to ${file}.\n`, err: '' });
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.same(rows(readFileSync(file, 'utf8')), USERS);
  t.match(await second(['users', 'import', file]), { code: 0 });
  t.same(rows((await second('users export -')).out), USERS, 'on standard output, without a summary');
  t.match(await second(['users', 'import', file]), {
    code: 1,
    err: /^line 1: The user "Ann", or another one with the same id, already exists\.\n/,
  });
  t.match(await second(['users', 'export', file]), { code: 2, err: /^The file ".*" cannot be created: EEXIST\.\n$/ });
});

t.test('from LMDB to Redis, and the password works there', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const [lmdb, onRedis] = [commandLine(onLmdb(t)), commandLine(redis.url)];
  await lmdb('users import -', LINES);
  t.match(await onRedis('users import -', (await lmdb('users export -')).out), { code: 0 });
  t.same(
    rows((await onRedis('users export -')).out).sort((a, b) => (a.username < b.username ? -1 : 1)),
    USERS,
  );
});

t.test('a line that is no exported user is refused, and its hash is not shown', async (t) => {
  const cli = commandLine(onLmdb(t));
  const [ann] = USERS as [(typeof USERS)[0]];
  const lines = [
    '{"',
    JSON.stringify({ ...ann, version: 'x' }),
    JSON.stringify({ ...ann, createdAt: 'yesterday' }),
    JSON.stringify({ ...ann, createdAt: '2030-13-41T25:00:00Z' }),
    JSON.stringify({ ...ann, lastSignInAt: '2030-02-31T12:00:00Z' }),
    JSON.stringify({ ...ann, passwordHash: 'secret' }),
    JSON.stringify({ ...ann, username: undefined }),
    JSON.stringify(ann),
    JSON.stringify({ ...ann, username: 'carl' }),
  ];
  const { code, err, out } = await cli('users import - --json', lines.join('\n'));
  t.equal(code, 1);
  t.same(rows(out), [{ imported: 1, refused: 8 }]);
  t.match(err.trim().split('\n'), [
    'line 1: The line begins like JSON, and is not valid JSON.',
    /^line 2: The line is not an exported user: \/version: /,
    /^line 3: The line is not an exported user: \/createdAt: /,
    'line 4: The line has a time that does not exist: 2030-13-41T25:00:00Z.',
    'line 5: The line has a time that does not exist: 2030-02-31T12:00:00Z.',
    /^line 6: The hash cannot be used: /,
    /^line 7: The line is not an exported user: \/username: /,
    'line 9: The user "carl", or another one with the same id, already exists.',
  ]);
  t.notMatch(err, /c29tZSBz|secret/);
});

t.test('a user whose rename was interrupted is not exported, and a failure leaves no file', async (t) => {
  const url = onLmdb(t);
  await commandLine(url)('users import -', LINES);
  const { users } = await openTestStores(t, url);
  const bob = await users.find('bob');
  await users.replace({ ...bob, schema: USER_SCHEMA, movedTo: 'robert' } as never, bob?.version as string);
  await users.create({ ...bob, key: 'robert', username: 'robert', movedFrom: 'bob' } as never);
  const { code, out, err } = await commandLine(url)('users export -');
  t.equal(code, 1);
  t.match(rows(out), [{ username: 'Ann' }]);
  t.equal(err, 'The rename of "bob" was interrupted: the user is not exported. Repeat the rename.\n');

  await users.create({ ...bob, key: 'zoe', username: 'zoe', schema: 99 } as never);
  const file = `${temporaryDirectory(t)}/users`;
  t.match(await commandLine(url)(['users', 'export', file]), { code: 1, err: /newer version/ });
  t.notOk(existsSync(file));
});
