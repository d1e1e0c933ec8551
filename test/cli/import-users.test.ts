import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { CLI, commandLine, onLmdb, rows } from '../helpers/command-line.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';

const BCRYPT = '$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC';

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
  ];
  const file = `${temporaryDirectory(t)}/htpasswd`;
  writeFileSync(file, lines.join('\n'));
  const imported = await cli(`users import ${file}`);
  t.match(imported, { code: 1, out: 'Imported 2 users; refused 4 lines.\n' });
  t.match(imported.err.trim().split('\n'), [
    'line 4: The line has no colon. Expected NAME:HASH.',
    'line 5: The user "ann" already exists.',
    /^line 6: The hash cannot be used: neither an argon2id hash/,
    'line 7: A user name must have 1 to 256 characters; this one has 0.',
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
  t.match(await cli(`users import ${file}-not-there`), {
    code: 2,
    err: `The file "${file}-not-there" cannot be read: ENOENT: no such file or directory.\n`,
  });
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
    env: { ...process.env, STORE_URL: onLmdb(t) },
  });
  // The import works on a hundred lines at a time. The other fifty wait for more input.
  child.stdin.write(Array.from({ length: 150 }, (_, i) => `user${i}:no hash\n`).join(''));
  const err = text(child.stderr);
  child.stderr.once('data', () => child.kill('SIGINT'));
  t.equal(await new Promise((resolve) => child.once('close', resolve)), 1);
  t.match(await err, /Interrupted\. Stopped after line 100: 0 users imported and 100 lines refused so far/);
});
