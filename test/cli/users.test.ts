import t, { type Test } from 'tap';
import { PasswordHasher } from '../../src/users/passwords.ts';
import { commandLine, onLmdb, rows } from '../helpers/command-line.ts';
import { startRedis } from '../helpers/redis-server.ts';
import { ANN, build } from '../helpers/service.ts';
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
    out: /^username\tdisabled\tcreatedAt\tpasswordChangedAt\tlastSignInAt\nann\tfalse\t20\S+Z\t20\S+Z\t-\n$/,
  });
  const listed = rows((await cli('users list --json')).out);
  const columns = ['username', 'disabled', 'createdAt', 'passwordChangedAt', 'lastSignInAt'];
  t.same(listed.map(Object.keys), [columns], 'no hash');
  t.match(listed, [{ lastSignInAt: null }]);
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

/** Runs a service on the store. */
async function serviceOn(t: Test, storeUrl: string) {
  const app = await build(t, { env: { STORE_URL: storeUrl } });
  return (payload: object) => app.inject({ method: 'POST', url: '/signin', payload });
}

t.test('a user is shown with the state, the times, the failures and the sessions', async (t) => {
  const url = onLmdb(t);
  const cli = commandLine(url);
  await cli('users add Ann', GOOD);
  const shown = await cli('users show ann');
  t.match(shown, {
    code: 0,
    out: /^username: Ann\nstate: enabled\ncreatedAt: 20\S+Z\npasswordChangedAt: 20\S+Z\nlastSignInAt: -\nunlockedAt: -\npasswordExpired: false\nlinkExpiresAt: -\nsessions: 0\nlocked: not known: each process of the service counts for itself\nfailures: not known: each process of the service counts for itself\nlockedUntil: not known: each process of the service counts for itself\n$/,
  });
  const signIn = await serviceOn(t, url);
  const before = Date.now();
  t.equal((await signIn({ ...ANN, password: 'wrong' })).statusCode, 401);
  t.equal((await signIn(ANN)).statusCode, 200);
  t.equal((await signIn(ANN)).statusCode, 200);
  await cli('users unlock ann');
  const [ann] = rows((await cli('users show ANN --json')).out);
  t.match(ann, { username: 'Ann', state: 'enabled', sessions: 2, locked: null, failures: null, lockedUntil: null });
  for (const time of [ann.lastSignInAt, ann.unlockedAt]) {
    t.ok(Date.parse(time) >= before, time);
  }
  t.match(rows((await cli('users list --json')).out), [{ lastSignInAt: ann.lastSignInAt }]);
  t.match((await cli('users list')).out, ann.lastSignInAt);
  await cli('users disable ann');
  t.match(rows((await cli('users show ann --json')).out), [{ state: 'disabled', sessions: 0 }]);
  t.match(await cli('users show bob'), { code: 1, out: '', err: 'The user "bob" does not exist.\n' });
});

t.test('with Redis the failures of a user and the end of the lock are shown', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const cli = commandLine(redis.url);
  await cli('users add Ann', GOOD);
  const signIn = await serviceOn(t, redis.url);
  const state = async () => rows((await cli('users show ann --json')).out)[0];
  t.match(await state(), { state: 'enabled', locked: false, failures: 0, lockedUntil: null });
  for (let i = 0; i < 10; i++) {
    t.match(await state(), { state: 'enabled', failures: i, lockedUntil: null });
    await signIn({ ...ANN, password: 'wrong' });
  }
  const locked = await state();
  t.match(locked, { state: 'locked', locked: true, failures: 10 });
  const minutes = (Date.parse(locked.lockedUntil) - Date.now()) / 60_000;
  t.ok(minutes > 10 && minutes <= 15.1, locked.lockedUntil);
  t.match((await cli('users show ann')).out, 'locked: true\nfailures: 10\n');
  t.match((await cli('users show ann')).out, 'unlockedAt: -\n');
  t.match(await cli('users unlock Ann --json'), { code: 0, out: '{"username":"Ann","unlocked":true}\n' });
  t.match(await state(), { state: 'enabled', failures: 0, lockedUntil: null });
  t.equal((await signIn(ANN)).statusCode, 200);
});

t.test('an expired password must be replaced at the next sign-in', async (t) => {
  const url = onLmdb(t);
  const cli = commandLine(url);
  await cli('users add ann', GOOD);
  const signIn = await serviceOn(t, url);
  await signIn(ANN);
  t.same(await cli('users passwd ann --expire'), {
    code: 0,
    out: 'The user "ann" must choose another password at the next sign-in; ended 1 session.\n',
    err: '',
  });
  t.match(rows((await cli('users show ann --json')).out), [{ passwordExpired: true, sessions: 0 }]);
  t.match((await signIn(ANN)).json(), { code: 'PASSWORD_EXPIRED' });
  t.equal((await signIn({ ...ANN, newPassword: 'another horse, a battery' })).statusCode, 200);
  t.match(rows((await cli('users show ann --json')).out), [{ passwordExpired: false, sessions: 1 }]);
  t.match(await cli('users passwd --expire ann --json'), {
    code: 0,
    out: '{"username":"ann","passwordExpired":true,"ended":1}\n',
  });
  t.match(await cli('users passwd --expire bob'), { code: 1, err: 'The user "bob" does not exist.\n' });
});

t.test('an invited user sets the password with a link, and a reset gives another link', async (t) => {
  const url = onLmdb(t);
  const cli = commandLine(url, { PUBLIC_URL: 'https://login.example.com/auth/' });
  const app = await build(t, { env: { STORE_URL: url } });
  const usePassword = async (link: string, newPassword: string) => {
    const token = new URL(link).searchParams.get('token');
    const payload = { token, newPassword };
    return (await app.inject({ method: 'POST', url: '/password/link', payload })).statusCode;
  };
  const signIn = await serviceOn(t, url);
  const invited = await cli('users invite Ann');
  t.match(invited, { code: 0, err: '' });
  let [link = '', text] = invited.out.split('\n');
  t.match(link, /^https:\/\/login\.example\.com\/auth\/password\/link\?token=YW5u\.[\w-]{43}$/);
  t.match(text, /^The link sets the password of "Ann" once, until 20\S+Z\.$/);
  t.equal((await signIn({ username: 'ann', password: '' })).statusCode, 401);
  t.match(rows((await cli('users show ann --json')).out), [{ state: 'invited', linkExpiresAt: /^20/ }]);
  t.match(await cli('users invite ann'), {
    code: 1,
    err: 'The user "ann" already exists as "Ann". "users reset" makes another link.\n',
  });
  link = (await cli('users reset ann')).out.split('\n')[0] ?? '';
  t.match(rows((await cli('users show ann --json')).out), [{ state: 'invited' }], 'until the password is set');
  t.equal(await usePassword(link, GOOD), 204);
  t.equal((await signIn(ANN)).statusCode, 200);
  t.match(rows((await cli('users show ann --json')).out), [{ state: 'enabled', linkExpiresAt: null }]);

  const [reset] = rows((await cli('users reset ANN --json --url http://localhost:8080')).out);
  t.same(Object.keys(reset), ['username', 'link', 'expiresAt']);
  t.match(reset.link, /^http:\/\/localhost:8080\/password\/link\?token=YW5u\./);
  t.ok(Math.abs(Date.parse(reset.expiresAt) - Date.now() - 3_600_000) < 300_000);
  t.equal((await signIn(ANN)).statusCode, 200, 'the password works until the link is used');
  const [again] = rows((await cli('users reset ann --json')).out);
  t.equal(await usePassword(reset.link, 'another horse, a battery'), 403);
  t.equal(await usePassword(again.link, 'another horse, a battery'), 204);
  t.equal((await signIn(ANN)).statusCode, 401);
});

t.test('a reset that revokes the password gives the account back to its user', async (t) => {
  const url = onLmdb(t);
  const cli = commandLine(url);
  await cli('users add ann', GOOD);
  const signIn = await serviceOn(t, url);
  await signIn(ANN);
  const reset = await cli('users reset --revoke ann');
  t.match(reset, {
    code: 0,
    out: /^http\S+\/password\/link\?token=\S+\nThe link sets .*\nThe earlier password no longer works; ended 1 session\.\n$/,
    err: '',
  });
  t.equal((await signIn(ANN)).statusCode, 401);
  t.equal((await signIn({ ...ANN, newPassword: 'another horse, a battery' })).statusCode, 401);
  t.match(rows((await cli('users show ann --json')).out), [{ state: 'enabled', sessions: 0, linkExpiresAt: /^20/ }]);
  const [again] = rows((await cli('users reset ann --revoke --json')).out);
  t.match(again, { username: 'ann', link: /token=/, ended: 0 });
  const app = await build(t, { env: { STORE_URL: url } });
  const payload = { token: new URL(again.link).searchParams.get('token'), newPassword: 'another horse, a battery' };
  t.equal((await app.inject({ method: 'POST', url: '/password/link', payload })).statusCode, 204);
  t.equal((await signIn({ ...ANN, password: payload.newPassword })).statusCode, 200);
});

t.test('nobody gets a link who cannot use it', async (t) => {
  const cli = commandLine(onLmdb(t));
  await cli('users add ann', GOOD);
  t.match(await cli('users invite ANN'), { code: 1, out: '', err: 'The user "ANN" already exists as "ann".\n' });
  t.match(await cli('users reset bob'), { code: 1, out: '', err: 'The user "bob" does not exist.\n' });
  await cli('users disable ann');
  t.match(await cli('users reset ann'), {
    code: 1,
    out: '',
    err: 'The user "ann" is disabled. Enable the user first.\n',
  });
  const [before] = rows((await cli('users show ann --json')).out);
  t.match(await cli('users reset --revoke ann'), { code: 1, out: '', err: /is disabled\. Enable the user first/ });
  const [revoked] = rows((await cli('users show ann --json')).out);
  t.ok(Date.parse(revoked.passwordChangedAt) > Date.parse(before.passwordChangedAt), 'but the password is revoked');
  for (const value of [
    'login.example.com',
    'ftp://login.example.com',
    'https://a.example/?b',
    'https://a.example/#b',
    'https://ann@a.example',
    'http://ann:secret@a.example/',
    'https://a.example\n',
    'https://a.ex\tample',
    ' https://a.example',
    'https://a.example/a b',
  ]) {
    t.match(await cli(['users', 'invite', 'bob', '--url', value]), {
      code: 2,
      out: '',
      err: /must be an http or https URL/,
    });
  }
  t.match(await cli('users show bob'), { code: 1 });
});

t.test('the times are those of the clock of the store', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { now } = Date;
  t.teardown(() => {
    Date.now = now;
  });
  Date.now = () => now() + 7_200_000;
  const [invited] = rows((await commandLine(redis.url)('users invite ann --json')).out);
  Date.now = now;
  t.ok(Math.abs(Date.parse(invited.expiresAt) - now() - 3_600_000) < 300_000, invited.expiresAt);
});

t.test('an error of the store says that the change may have been made', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const cli = commandLine(redis.url);
  await cli('users add ann', GOOD);
  const waiting = commandLine(redis.url, { REDIS_WAIT_REPLICAS: '1', STORE_TIMEOUT_MS: '1000' });
  t.match(await waiting('users unlock ann'), {
    code: 1,
    out: '',
    err: /^The store does not answer\. Try again shortly\. \(.*\. The change may have been made: repeat the command\)\n$/,
  });
  t.match(rows((await cli('users show ann --json')).out), [{ unlockedAt: /^20/ }], 'here it was');
  t.match(await waiting('users show bob'), { code: 1, err: 'The user "bob" does not exist.\n' });
});
