import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { MEASURED } from '../helpers/built-command.ts';
import { CLI, onLmdb } from '../helpers/command-line.ts';
import { program } from '../helpers/programs.ts';
import { ANN } from '../helpers/service.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';

const GOOD = ANN.password;
const BCRYPT = '$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC';

/** The end of a question, with the escape sequence that moves the cursor. */
const PROMPT = new RegExp(`: ${'\u001b'}\\[\\d+G`, 'g');

t.test('on a terminal the password is read twice without echo, and an import shows a progress bar', async (t) => {
  const script = program(t, 'script');
  if (script === undefined) {
    return;
  }
  const url = onLmdb(t);
  const onTerminal = async (args: string, answers: readonly (string | Buffer)[]) => {
    const command = [...CLI, args].join(' ');
    const child = spawn(script, ['-qec', command, '/dev/null'], {
      env: { ...process.env, ...MEASURED, STORE_URL: url },
    });
    let shown = '';
    const left = [...answers];
    child.stdout.on('data', (chunk) => {
      shown += chunk;
      const asked = shown.match(PROMPT)?.length ?? 0;
      if (asked > answers.length - left.length && left.length > 0) {
        child.stdin.write(Buffer.concat([Buffer.from(left.shift() ?? ''), Buffer.from('\n')]));
      }
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    return { code, shown };
  };
  const added = await onTerminal('users add ann', [GOOD, GOOD]);
  t.match(added, {
    code: 0,
    shown: /New password for "ann": .*Repeat the password: .*Added the user "ann"\./s,
  });
  t.notMatch(added.shown, 'battery');
  t.match(await onTerminal('users add bob', [GOOD, 'another']), {
    code: 2,
    shown: /The passwords do not match\./,
  });
  const latin1 = Buffer.from(`${GOOD} \u00f6`, 'latin1');
  t.match(await onTerminal('users add bob', [latin1, latin1]), {
    code: 1,
    shown: /The password is not valid UTF-8\./,
  });

  const file = `${temporaryDirectory(t)}/htpasswd`;
  writeFileSync(file, `no colon\n${Array.from({ length: 300 }, (_, i) => `user${i}:${BCRYPT}`).join('\n')}`);
  const imported = await onTerminal(`users import ${file}`, []);
  t.match(imported, { code: 1, shown: /importing .*100%.*Imported 300 users; refused 1 line\./s });
  t.match(imported.shown, 'line 1: The line has no colon');
});
