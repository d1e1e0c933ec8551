import t from 'tap';
import { MEASURED } from './helpers/built-command.ts';
import { CLI, commandLine, onLmdb, run } from './helpers/command-line.ts';
import { ownerIn, record } from './helpers/service.ts';
import { openTestStores } from './helpers/users.ts';

const USER = {
  id: 'the id',
  schema: 1 as const,
  passwordHash: 'hash',
  disabled: false,
  createdAt: 0,
  passwordChangedAt: 0,
  version: 'v',
};

t.test('help and version exit with 0, and settings that cannot be used exit with 2', async (t) => {
  const cli = commandLine(onLmdb(t));
  t.match(await cli('--help'), { code: 0, out: /Usage: session-cookie-login/, err: '' });
  t.match(await cli('--version'), { code: 0, out: /^\d+\.\d+\.\d+/, err: '' });
  t.match(await cli('users import --help'), { code: 0, out: /or - for standard input/ });
  t.match(await commandLine('memory:')('users list'), {
    code: 2,
    err: /STORE_URL is memory:, .* such as lmdb:/,
  });
  t.match(await commandLine('nowhere:')('users list'), {
    code: 2,
    err: /^STORE_URL is "nowhere:…": it must be/,
  });
});

const NO_COMMAND = /^error: missing command/;
const NO_NAME = /^error: option --user needs a name; .* use --user=NAME/;
const EMPTY = /^error: .* It must not be empty\./;
const MISSING = /^error: missing required argument/;
const UNKNOWN_OPTION = /^error: unknown option/;
const TOO_MANY = /^error: too many arguments/;
const ONE_CHOICE = /^Specify one of: a session id, --user NAME, or --all\.$/m;

/** Wrong arguments of one command, and the message. */
const WRONG_USE: [command: string, cases: [args: string[], message: RegExp][]][] = [
  [
    '',
    [
      [[], NO_COMMAND],
      [['--json'], NO_COMMAND],
      [[''], /^error: unknown command ''/],
      [['user'], /^error: unknown command 'user' \(Did you mean users\?\)/],
      [['--frob'], UNKNOWN_OPTION],
      [['-\u001b[2J\n'], /^error: unknown option '-\\u\{1b\}\[2J '/],
      [['--user'], NO_NAME],
    ],
  ],
  ...['users', 'sessions'].map((command): (typeof WRONG_USE)[number] => [
    command,
    [
      [[], NO_COMMAND],
      [['frob'], /^error: unknown command/],
      [['list', 'ann'], TOO_MANY],
      [['list', '-x'], UNKNOWN_OPTION],
      [['list', '--json=x'], UNKNOWN_OPTION],
    ],
  ]),
  ...['add', 'passwd', 'disable', 'enable', 'remove', 'import'].map((command): (typeof WRONG_USE)[number] => [
    `users ${command}`,
    [
      [[], MISSING],
      [['--'], MISSING],
      [[''], EMPTY],
      [['-x'], UNKNOWN_OPTION],
      [['--user', 'ann'], UNKNOWN_OPTION],
      [['ann', 'password'], TOO_MANY],
    ],
  ]),
  ['users add', [[['j\ufffdrg'], /^error: .* It is not valid UTF-8\./]]],
  ...['list', 'revoke'].map((command): (typeof WRONG_USE)[number] => [
    `sessions ${command}`,
    [
      [['--user'], NO_NAME],
      [['--user', '--'], NO_NAME],
      [['--user', '--json'], NO_NAME],
      [['--user', '-ann'], NO_NAME],
      [['--user', '-h1234567890123456789_'], NO_NAME],
      [['--user', ''], EMPTY],
      [['--user='], EMPTY],
      [['--user', 'ann', '--user', 'bob'], /^error: .* It was given twice\./],
    ],
  ]),
  [
    'sessions revoke',
    [
      [[], ONE_CHOICE],
      [[''], EMPTY],
      [['id', '--all'], ONE_CHOICE],
      [['--user', 'ann', '--all'], ONE_CHOICE],
      [['--all=x'], UNKNOWN_OPTION],
      [['-x'], UNKNOWN_OPTION],
      [['-h1234567890123456789_', '-i1234567890123456789_'], TOO_MANY],
    ],
  ],
];

t.test('wrong use exits with 2, prints one line and changes nothing', async (t) => {
  const url = onLmdb(t);
  const { sessions, users } = await openTestStores(t, url);
  await users.create({ ...USER, username: 'ann' });
  await sessions.create(record({ id: 'id', username: 'ann' }));
  const cli = commandLine(url);
  for (const [command, cases] of WRONG_USE) {
    for (const [args, message] of cases) {
      const line = [...command.split(' ').filter(Boolean), ...args];
      const ended = await cli(line, 'a horse, a battery');
      t.match(ended, { code: 2, out: '', err: message }, line.join(' '));
      t.equal(ended.err.indexOf('\n'), ended.err.length - 1, 'one line');
    }
  }
  t.same(await users.find('ann'), { ...USER, username: 'ann' });
  t.ok(await sessions.find('id'));
});

t.test('a name that begins with a dash is given after an equals sign or after --', async (t) => {
  const url = onLmdb(t);
  const cli = commandLine(url);
  const { sessions, users } = await openTestStores(t, url);
  t.match(await cli('users add -- -ann', 'a horse, a battery'), { code: 0, out: 'Added the user "-ann".\n' });
  const { userId } = await ownerIn(users, '-ann');
  await sessions.create(
    record({ username: '-ann', userId, expiresAt: Date.now() + 60_000, endsAt: Date.now() + 60_000 }),
  );
  t.match(await cli('sessions list --user=-ann'), { code: 0, out: /\nid\t-ann\t/ });
  t.match(await cli('sessions revoke --user=-ann'), { code: 0, out: 'Ended 1 session.\n' });
  t.match(await cli('users disable -- -ann'), { code: 0, out: /^The user "-ann" is disabled/ });
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
  const redis = commandLine('redis://127.0.0.1:1');
  t.match(await redis('users disable ann'), { code: 1, err: /does not answer/ });
  for (const args of ['users list', 'sessions list', 'sessions list --user ann']) {
    t.match(await redis(args), { code: 1, out: '', err: /does not answer/ }, args);
  }
});

t.test('a user record of a newer version exits with 1, and the message names both schemas', async (t) => {
  const url = onLmdb(t);
  const { users } = await openTestStores(t, url);
  await users.create({ ...USER, schema: 2 as 1, username: 'ann' });
  for (const args of ['users list', 'users disable ann']) {
    t.match(
      await commandLine(url)(args),
      { code: 1, out: '', err: /newer version \(schema 2\); this version reads 1/ },
      args,
    );
  }
});

t.test('a reader that closes the pipe early is not an error', async (t) => {
  const url = onLmdb(t);
  const { users } = await openTestStores(t, url);
  const names = Array.from({ length: 5000 }, (_, i) => `a user with a long name, the ${i}th of them`);
  await Promise.all(names.map((username) => users.create({ ...USER, username })));
  const command = `"$0" "$@" | head -n 1`;
  const cli = ['sh', '-c', command, ...CLI, 'users', 'list'];
  t.match(await run(cli, { STORE_URL: url, ...MEASURED }), { out: /^username/, err: '' });
});

t.test('output that cannot be written, on a full disk for example, is a failure', async (t) => {
  const url = onLmdb(t);
  const { users } = await openTestStores(t, url);
  await users.create({ ...USER, username: 'ann' });
  const cli = ['sh', '-c', '"$0" "$@" > /dev/full', ...CLI, 'users', 'list'];
  t.match(await run(cli, { STORE_URL: url, ...MEASURED }), { code: 1 });
});
