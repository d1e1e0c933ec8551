import t from 'tap';
import { PasswordHasher } from '../../src/users/passwords.ts';
import { commandLine, onLmdb, rows } from '../helpers/command-line.ts';
import { ANN } from '../helpers/service.ts';
import { openTestStores } from '../helpers/users.ts';

const GOOD = ANN.password;

t.test('a user is added, listed, changed, disabled, enabled and removed', async (t) => {
  const url = onLmdb(t);
  const cli = commandLine(url);
  t.same(await cli('users add ann', `${GOOD}\n`), { code: 0, out: 'Added the user "ann".\n', err: '' });
  const { users } = await openTestStores(t, url);
  const ann = await users.find('ann');
  t.match(await cli('users list'), {
    code: 0,
    out: /^username\tdisabled\tcreatedAt\tpasswordChangedAt\nann\tfalse\t20\S+Z\t20\S+Z\n$/,
  });
  const listed = rows((await cli('users list --json')).out);
  t.same(listed.map(Object.keys), [['username', 'disabled', 'createdAt', 'passwordChangedAt']], 'no hash');
  t.match(await cli('users add ann', GOOD), { code: 1, out: '', err: 'The user "ann" already exists.\n' });
  t.match(await cli('users add bob', 'short'), { code: 1, err: /must have 15 or more/ });
  t.match(await cli('--json users passwd ann', 'another horse, a battery\r\n'), {
    code: 0,
    out: '{"username":"ann","passwordChanged":true,"ended":0}\n',
  });
  t.not((await users.find('ann'))?.passwordHash, ann?.passwordHash);
  t.match(await cli('users disable ann'), {
    code: 0,
    out: 'The user "ann" is disabled; ended 0 sessions.\n',
  });
  t.equal((await users.find('ann'))?.disabled, true);
  t.match(await cli('users enable ann'), { code: 0, out: 'The user "ann" is enabled.\n' });
  t.match(await cli('users remove ann --json'), {
    code: 0,
    out: '{"username":"ann","removed":true,"ended":0}\n',
  });
  t.match(await cli('users remove ann'), { code: 1, err: 'The user "ann" does not exist.\n' });
  t.match(await cli('users list --json'), { code: 0, out: '' });
});

t.test('the length of a password is a setting', async (t) => {
  const cli = commandLine(onLmdb(t), { PASSWORD_MIN_LENGTH: '8' });
  t.match(await cli('users add ann', 'mfkwhcbt'), { code: 0 });
});

t.test('a password from standard input must be UTF-8, and a byte order mark is skipped', async (t) => {
  const url = onLmdb(t);
  const cli = commandLine(url);
  const { users } = await openTestStores(t, url);
  for (const name of ['add', 'passwd']) {
    const bytes = Buffer.from(`${GOOD} \u00f6\n`, 'latin1');
    t.same(await cli(`users ${name} ann`, bytes), { code: 1, out: '', err: 'The password is not valid UTF-8.\n' });
    t.match(await cli(`users ${name} ann`, `\ufeff${GOOD} \u00f6\r\n`), { code: 0, err: '' });
    const hash = (await users.find('ann'))?.passwordHash ?? '';
    t.equal(await new PasswordHasher().verify(hash, `${GOOD} \u00f6`), true, name);
  }
});

t.test('a user is renamed, and keeps the id and the password', async (t) => {
  const url = onLmdb(t);
  const cli = commandLine(url);
  await cli('users add ann', GOOD);
  const { users } = await openTestStores(t, url);
  const { id, passwordHash } = (await users.find('ann')) ?? {};
  t.same(await cli('users rename ANN Anna'), { code: 0, out: 'The user "ANN" is renamed to "Anna".\n', err: '' });
  t.match(await users.find('anna'), { id, passwordHash, username: 'Anna' });
  t.match(await cli('users rename anna Ann --json'), { code: 0, out: '{"username":"Ann","renamed":true}\n' });
  t.match(await cli('users rename bob carol'), { code: 1, err: 'The user "bob" does not exist.\n' });
  t.match(await cli('users rename ann'), { code: 2, out: '' });
});

t.test(
  'a rename that was interrupted continues when it is repeated, and keeps what was changed meanwhile',
  async (t) => {
    const url = onLmdb(t);
    const cli = commandLine(url);
    await cli('users add ann', GOOD);
    const { users } = await openTestStores(t, url);
    const ann = await users.find('ann');
    if (ann === undefined) {
      throw new Error('ann is missing');
    }
    // The state after the first step.
    await users.replace(
      { ...ann, disabled: true, disabledAfterMove: false, movedTo: 'Anna', version: 'next' },
      ann.version,
    );
    t.match(await cli('users disable ann'), { code: 0, out: 'The user "ann" is disabled; ended 0 sessions.\n' });
    t.match(await cli('users rename ann anna'), { code: 0, out: 'The user "ann" is renamed to "anna".\n' });
    t.equal(await users.find('ann'), undefined);
    const { version: _, ...anna } = (await users.find('anna')) ?? ann;
    const { version: __, ...before } = ann;
    t.same(anna, { ...before, username: 'anna', key: 'anna', disabled: true });
  },
);
