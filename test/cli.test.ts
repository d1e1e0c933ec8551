import t from 'tap';
import { CLI, commandLine, onLmdb, run } from './helpers/command-line.ts';
import { record } from './helpers/service.ts';
import { openTestStores } from './helpers/users.ts';

const USER = {
  schema: 1 as const,
  passwordHash: 'hash',
  disabled: false,
  createdAt: 0,
  passwordChangedAt: 0,
  version: 'v',
};

t.test('wrong arguments exit with 2 and a message, help exits with 0', async (t) => {
  const cli = commandLine(onLmdb(t));
  t.match(await cli('--help'), { code: 0, out: /Usage: session-cookie-login/, err: '' });
  t.match(await cli('users import --help'), { code: 0, out: /or - for standard input/ });
  for (const args of ['frob', 'users', 'users add', 'users add ann password', 'users list --frob', 'sessions']) {
    t.match(await cli(args), { code: 2, out: '' }, args);
  }
  for (const args of ['sessions revoke', 'sessions revoke id --all', 'sessions revoke --user ann --all']) {
    t.match(await cli(args), { code: 2, err: 'Specify one of: a session id, --user NAME, or --all.\n' }, args);
  }
  t.match(await commandLine('memory:')('users list'), {
    code: 2,
    err: /STORE_URL is memory:, .* such as lmdb:/,
  });
  t.match(await commandLine('nowhere:')('users list'), {
    code: 2,
    err: /^STORE_URL is "nowhere:": it must be/,
  });
});

t.test('an id may begin with a dash', async (t) => {
  const url = onLmdb(t);
  const { sessions } = await openTestStores(t, url);
  const ids = ['-h1234567890123456789_', '--345678901234567890-_', '-V1234567890123456789_'];
  for (const [index, id] of ids.entries()) {
    await sessions.create(record({ id }));
    const command = index === 0 ? `sessions revoke -- ${id}` : `sessions revoke ${id}`;
    t.match(await commandLine(url)(command), { code: 0, out: 'Ended 1 session.\n' });
  }
});

t.test('a store that cannot be reached exits with 1', async (t) => {
  t.match(await commandLine('lmdb:/dev/null')('users list'), { code: 1, err: /cannot be opened/ });
  t.match(await commandLine('redis://127.0.0.1:1')('users disable ann'), { code: 1, err: /does not answer/ });
});

t.test('a user record of a newer version exits with 1, and the message names both schemas', async (t) => {
  const url = onLmdb(t);
  const { users } = await openTestStores(t, url);
  await users.create({ ...USER, schema: 2 as 1, username: 'ann' });
  for (const args of ['users list', 'users disable ann']) {
    t.match(await commandLine(url)(args), { code: 1, err: /newer version \(schema 2\); this version reads 1/ }, args);
  }
});

t.test('a reader that closes the pipe early is not an error', async (t) => {
  const url = onLmdb(t);
  const { users } = await openTestStores(t, url);
  const names = Array.from({ length: 5000 }, (_, i) => `a user with a long name, the ${i}th of them`);
  await Promise.all(names.map((username) => users.create({ ...USER, username })));
  const command = `"$0" "$@" | head -n 1`;
  const cli = ['sh', '-c', command, ...CLI, 'users', 'list'];
  t.match(await run(cli, { STORE_URL: url }), { out: /^username/, err: '' });
});
