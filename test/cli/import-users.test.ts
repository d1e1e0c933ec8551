import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { MEASURED } from '../helpers/built-command.ts';
import { CLI, commandLine, onLmdb, rows, run } from '../helpers/command-line.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';

const BCRYPT = '$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC';
const ARGON2ID = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

t.test('an htpasswd file is imported, and rejected lines are reported by number', async (t) => {
  const cli = commandLine(onLmdb(t));
  const lines = [
    `ann:${BCRYPT}`,
    '',
    '# a comment',
    'no colon',
    `ann:${BCRYPT}`,
    'bob:$apr1$salt$hash',
    `:${BCRYPT}`,
    `carl:${BCRYPT}\r`,
    `eve:${BCRYPT.slice(0, -1)}`,
    `eve:${ARGON2ID.slice(0, -1)}`,
    `eve:${ARGON2ID.replace('m=19456,t=2', 'm=262144,t=64')}`,
  ];
  const file = `${temporaryDirectory(t)}/htpasswd`;
  writeFileSync(file, lines.join('\n'));
  const imported = await cli(`users import ${file}`);
  t.match(imported, { code: 1, out: 'Imported 2 users; refused 7 lines.\n' });
  t.match(imported.err.trim().split('\n'), [
    'line 4: The line has no colon. Expected NAME:HASH.',
    'line 5: The user "ann" already exists.',
    /^line 6: The hash cannot be used: neither an argon2id hash/,
    'line 7: A user name must have 1 to 256 characters; this one has 0.',
    'line 9: The hash cannot be used: the bcrypt hash is cut short or has changed.',
    'line 10: The hash cannot be used: the argon2id hash is cut short or has changed.',
    'line 11: The hash cannot be used: the costs of argon2id are out of range.',
  ]);
  t.match(await cli('users import - --json', `dora:${BCRYPT}\n`), {
    code: 0,
    out: '{"imported":1,"refused":0}\n',
    err: '',
  });
  t.same(
    rows((await cli('users list --json')).out)
      .map(({ username }) => username)
      .sort(),
    ['ann', 'carl', 'dora'],
  );
});

t.test('a file that cannot be read exits with 2 and one line', async (t) => {
  const cli = commandLine(onLmdb(t));
  const directory = temporaryDirectory(t);
  writeFileSync(`${directory}/file`, '');
  const cases = [
    [directory, 'it is a directory'],
    [`${directory}/missing`, 'ENOENT: no such file or directory'],
    [`${directory}/file/name`, 'ENOTDIR: not a directory'],
  ];
  for (const [file, reason] of cases) {
    const err = `The file "${file}" cannot be read: ${reason}.\n`;
    t.same(await cli(['users', 'import', file as string]), { code: 2, out: '', err });
  }
  t.same(await cli(`users import ${directory}/file`), {
    code: 0,
    out: 'Imported 0 users; refused 0 lines.\n',
    err: '',
  });
});

t.test('a line that is not UTF-8 is refused, and a byte order mark is skipped', async (t) => {
  const url = onLmdb(t);
  const cli = commandLine(url);
  const lines = [
    `\u00ef\u00bb\u00bfann:${BCRYPT}`,
    `j\u00f6rg:${BCRYPT}`,
    `j\u00c3\u00b6rg:${BCRYPT}`,
    `bob:${BCRYPT}`,
  ];
  const bytes = Buffer.from(lines.join('\n'), 'latin1');
  const file = `${temporaryDirectory(t)}/htpasswd`;
  writeFileSync(file, bytes);
  const imported = {
    code: 1,
    out: 'Imported 3 users; refused 1 line.\n',
    err: 'line 2: The line is not valid UTF-8.\n',
  };
  t.same(await cli(`users import ${file}`), imported);
  t.same(await commandLine(onLmdb(t))('users import -', bytes), imported);
  t.same(
    rows((await cli('users list --json')).out)
      .map(({ username }) => username)
      .sort(),
    ['ann', 'bob', 'jörg'],
  );
});

t.test('a pipe can be imported', async (t) => {
  const sh = ['sh', '-c', `printf 'ann:%s\\n' '${BCRYPT}' | "$0" "$@" users import /dev/stdin`, ...CLI];
  t.match(await run(sh, { STORE_URL: onLmdb(t), ...MEASURED }), {
    code: 0,
    out: 'Imported 1 user; refused 0 lines.\n',
    err: '',
  });
});

t.test('twins in one file, and of users that exist, are reported by number', async (t) => {
  const cli = commandLine(onLmdb(t));
  t.match(await cli('users import -', `José:${BCRYPT}\n`), { code: 0 });
  const names = ['Ann', 'bob', 'ANN', ' ann ', 'jose\u0301', 'Bob', 'carl'];
  const imported = await cli('users import -', names.map((name) => `${name}:${BCRYPT}\n`).join(''));
  t.match(imported, { code: 1, out: 'Imported 3 users; refused 4 lines.\n' });
  t.same(imported.err.trim().split('\n'), [
    'line 3: The user "ANN" already exists as "Ann".',
    'line 4: The user "ann" already exists as "Ann".',
    'line 5: The user "josé" already exists as "José".',
    'line 6: The user "Bob" already exists as "bob".',
  ]);
  t.match(await cli('users disable JOSÉ'), { code: 0 });
  t.match(
    rows((await cli('users list --json')).out)
      .map(({ username, disabled }) => `${username} ${disabled}`)
      .sort(),
    ['Ann false', 'José true', 'bob false', 'carl false'],
  );
});

t.test('an import that fails reports its progress', async (t) => {
  const cli = commandLine('redis://127.0.0.1:1');
  const many = Array.from({ length: 250 }, (_, i) => `user${i}:${BCRYPT}`).join('\n');
  t.match(await cli('users import -', many), {
    code: 1,
    out: '',
    err: /Stopped after line 0: 0 users imported and 0 lines refused so far/,
  });
});

t.test('an import that is interrupted reports its progress', async (t) => {
  const child = spawn(CLI[0] as string, [...CLI.slice(1), 'users', 'import', '-'], {
    env: { ...process.env, ...MEASURED, STORE_URL: onLmdb(t) },
  });
  // The import works on a hundred lines at a time. The other fifty wait for more input.
  child.stdin.write(Array.from({ length: 150 }, (_, i) => `user${i}:no hash\n`).join(''));
  const err = text(child.stderr);
  child.stderr.once('data', () => child.kill('SIGINT'));
  t.equal(await new Promise((resolve) => child.once('close', resolve)), 1);
  t.match(await err, /Interrupted\. Stopped after line 100: 0 users imported and 100 lines refused so far/);
});
