import { hash as hashArgon2 } from '@node-rs/argon2';
import { hash as hashBcrypt } from '@node-rs/bcrypt';
import t from 'tap';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { Authenticator, SignInFailure, type VerifiedUser } from '../../src/users/authenticator.ts';
import { issueDeviceToken } from '../../src/users/device-token.ts';
import { PasswordHasher, type VerifyOptions } from '../../src/users/passwords.ts';
import { nextVersion } from '../../src/users/user-changes.ts';
import { newUser, newVersion } from '../../src/users/user-store.ts';
import { newThrottle } from '../helpers/users.ts';

const ORIGIN = { address: '192.0.2.1', deviceTokens: [] };

class CountingHasher extends PasswordHasher {
  readonly verified: string[] = [];
  override verify(passwordHash: string, password: string, options?: VerifyOptions) {
    this.verified.push(passwordHash);
    return super.verify(passwordHash, password, options);
  }
}

function newAuthenticator(users: MemoryUserStore, passwords: PasswordHasher, logged: unknown[] = []) {
  return Authenticator.create({
    users,
    passwords,
    throttle: newThrottle({ failuresPerAddress: 10, failuresPerUser: 10 }),
    clock: Date.now,
    log: {
      warn: (details, message) => logged.push({ level: 'warn', ...details, message }),
      error: (details, message) => logged.push({ level: 'error', ...details, message }),
    },
  });
}

/** Returns the user, or the reason of the failure. */
async function verify(authenticator: Authenticator, username: string, password: string, deviceTokens: string[] = []) {
  const outcome = await authenticator.verify({ username, password }, { ...ORIGIN, deviceTokens });
  return outcome instanceof SignInFailure ? outcome.reason : outcome.user;
}

/** Verifies the credentials, and records the sign-in if they are right. */
async function signIn(authenticator: Authenticator, username: string, password: string) {
  const outcome = await verify(authenticator, username, password);
  if (typeof outcome === 'object') {
    await authenticator.recordSignIn(outcome, password);
  }
  return outcome;
}

async function setUp() {
  const users = new MemoryUserStore();
  const passwords = new CountingHasher();
  const user = newUser('user1', await passwords.hash('password1'));
  users.create(user);
  const logged: object[] = [];
  return { users, user, passwords, logged, authenticator: await newAuthenticator(users, passwords, logged) };
}

t.test('the right name and password return the user', async (t) => {
  const { user, authenticator } = await setUp();
  t.same(await verify(authenticator, 'user1', 'password1'), user);
});

t.test('a name is found without regard to case, spaces around it and Unicode form', async (t) => {
  const { users, passwords, authenticator } = await setUp();
  const josé = newUser(' Jose\u0301', await passwords.hash('password1'));
  users.create(josé);
  for (const name of ['José', 'josé', 'JOSE\u0301', ' josé ']) {
    t.same(await verify(authenticator, name, 'password1'), josé, JSON.stringify(name));
  }
  t.equal(josé.username, 'José');
  t.equal(await verify(authenticator, 'jose', 'password1'), 'unknown user');
  t.ok(await authenticator.findIfSessionsValid(josé));
  const changed = await authenticator.changePassword(josé, 'a horse, a battery');
  t.same(await verify(authenticator, 'JOSÉ', 'a horse, a battery'), changed);
  t.equal(await authenticator.findIfSessionsValid(josé), undefined);
});

t.test('a user of an earlier version signs in with the exact name', async (t) => {
  const { users, user, authenticator } = await setUp();
  const { key: _, ...older } = { ...user, username: 'User1' };
  users.create(older);
  t.same(await verify(authenticator, 'User1', 'password1'), older);
  t.same(await verify(authenticator, 'USER1', 'password1'), user);
  t.same(await verify(authenticator, 'user1', 'password1'), user);
  t.ok(await authenticator.findIfSessionsValid(older));
});

t.test('all spellings of a name have one limit', async (t) => {
  const { authenticator } = await setUp();
  for (let i = 0; i < 10; i++) {
    await verify(authenticator, i % 2 === 0 ? 'USER1' : ' user1', 'wrong');
  }
  await t.rejects(verify(authenticator, 'User1', 'password1'), { code: 'TOO_MANY_FAILURES' });
});

t.test('any other credentials fail, at the cost of one hash with the same parameters', async (t) => {
  const { passwords, authenticator } = await setUp();
  const wrong = [
    ['user1', 'password2'],
    ['user1', ''],
    ['', 'password1'],
    ['nobody', 'password1'],
    ['__proto__', 'password1'],
    ['constructor', ''],
    ['toString', 'toString'],
  ] as const;
  for (const [username, password] of wrong) {
    const why = username === 'user1' ? 'wrong password' : 'unknown user';
    t.equal(await verify(authenticator, username, password), why, username);
  }
  t.equal(passwords.verified.length, wrong.length);
  for (const hash of passwords.verified) {
    t.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  }
});

t.test('a disabled user is rejected, at the cost of one hash', async (t) => {
  const { users, user, passwords, authenticator } = await setUp();
  users.replace({ ...user, disabled: true }, user.version);
  t.equal(await verify(authenticator, 'user1', 'password1'), 'disabled user');
  t.equal(passwords.verified.length, 1);
});

const FOREIGN = {
  'argon2id with other costs': (password: string) => hashArgon2(password, { memoryCost: 4096, timeCost: 1 }),
  'bcrypt as htpasswd writes it': (password: string) =>
    hashBcrypt(password, 4).then((hash) => hash.replace('$2b$', '$2y$')),
};

for (const [what, foreign] of Object.entries(FOREIGN)) {
  t.test(`an imported hash, ${what}, is verified and rehashed, and the sessions stay valid`, async (t) => {
    const { users, authenticator } = await setUp();
    const ann = newUser('ann', await foreign('a horse, a battery'));
    users.create(ann);
    t.equal(await signIn(authenticator, 'ann', 'a horse, a batter'), 'wrong password');
    t.same(users.find('ann'), ann, 'a wrong password does not rehash');
    t.same(await signIn(authenticator, 'ann', 'a horse, a battery'), ann);
    const renewed = users.find('ann');
    t.match(renewed, { ...ann, passwordHash: /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/ });
    t.same(await signIn(authenticator, 'ann', 'a horse, a battery'), renewed);
    t.equal(users.find('ann')?.passwordHash, renewed?.passwordHash, 'once');
    t.ok(await authenticator.findIfSessionsValid(ann));
  });
}

t.test('a password with NUL never matches a bcrypt hash, and replaces none', async (t) => {
  const { users, authenticator } = await setUp();
  const ann = newUser('ann', await hashBcrypt('password', 4));
  users.create(ann);
  // Bcrypt repeats the password and a NUL, so these have the same hash.
  for (const password of ['password\0password', 'password\0', '\0']) {
    t.equal(await signIn(authenticator, 'ann', password), 'wrong password');
    t.same(users.find('ann'), ann);
  }
  t.same(await signIn(authenticator, 'ann', 'password'), ann);
});

t.test('bcrypt covers 72 bytes: a longer or cut password is accepted, but replaces no hash', async (t) => {
  const { users, authenticator } = await setUp();
  const ann = newUser('ann', await hashBcrypt('x'.repeat(80), 4));
  users.create(ann);
  for (const length of [72, 73, 80]) {
    t.match(await signIn(authenticator, 'ann', 'x'.repeat(length)), { id: ann.id });
    t.equal(users.find('ann')?.passwordHash, ann.passwordHash);
  }
  t.equal(await signIn(authenticator, 'ann', 'x'.repeat(71)), 'wrong password');
  t.equal(users.find('ann')?.passwordHash, ann.passwordHash);
});

t.test(
  'a stored hash that cannot be verified is a wrong password, at the same cost, and an error in the log',
  async (t) => {
    const good = await hashArgon2('a horse, a battery');
    const unusable = ['', 'x', good.slice(0, -1), good.replace('m=19456,t=2', 'm=262144,t=64'), '$2y$31$short'];
    for (const passwordHash of unusable) {
      const { users, passwords, logged, authenticator } = await setUp();
      const ann = { ...newUser('ann', good), passwordHash };
      users.create(ann);
      t.equal(await verify(authenticator, 'ann', 'a horse, a battery'), 'wrong password', passwordHash);
      t.same(users.find('ann'), ann);
      t.match(passwords.verified, [passwordHash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/]);
      t.match(logged, [
        { level: 'error', username: 'ann', err: { name: 'UnusableHash' }, message: /cannot be verified/ },
      ]);
      t.notMatch(JSON.stringify(logged), good.slice(-20));
      for (let i = 0; i < 9; i++) {
        await verify(authenticator, 'ann', '');
      }
      await t.rejects(verify(authenticator, 'ann', ''), { code: 'TOO_MANY_FAILURES' }, 'each attempt counts once');
    }
  },
);

t.test('a failed rehash, or a time that cannot be stored, does not prevent the sign-in', async (t) => {
  const users = new MemoryUserStore();
  const ann = newUser('ann', await FOREIGN['bcrypt as htpasswd writes it']('a horse, a battery'));
  users.create(ann);
  users.replace = () => {
    throw new Error('down');
  };
  const logged: unknown[] = [];
  const authenticator = await newAuthenticator(users, new PasswordHasher(), logged);
  t.same(await signIn(authenticator, 'ann', 'a horse, a battery'), ann);
  t.match(logged, [{ level: 'warn', err: { message: 'down' }, message: /could not be stored/ }]);
});

t.test('a rehash does not undo a concurrent password change', async (t) => {
  const { users, authenticator, passwords } = await setUp();
  const ann = newUser('ann', await FOREIGN['bcrypt as htpasswd writes it']('a horse, a battery'));
  users.create(ann);
  const changed = { ...ann, passwordHash: await passwords.hash('another'), version: newVersion() };
  const hash = passwords.hash.bind(passwords);
  passwords.hash = (password) => {
    users.replace(changed, ann.version);
    return hash(password);
  };
  await signIn(authenticator, 'ann', 'a horse, a battery');
  t.same(users.find('ann'), changed);
  t.equal(await authenticator.findIfSessionsValid(ann), undefined);
});

t.test('a rehash does not undo an unlock at the same time, nor does a change of the password', async (t) => {
  for (const act of ['rehash', 'changePassword']) {
    const { users, authenticator, passwords } = await setUp();
    const ann = newUser('ann', await FOREIGN['bcrypt as htpasswd writes it']('a horse, a battery'));
    users.create(ann);
    const hash = passwords.hash.bind(passwords);
    passwords.hash = (password) => {
      users.replace({ ...ann, unlockedAt: 5, version: nextVersion(ann) }, ann.version);
      return hash(password);
    };
    if (act === 'rehash') {
      await signIn(authenticator, 'ann', 'a horse, a battery');
    } else {
      t.ok(await authenticator.changePassword(ann, 'another horse, a battery'));
    }
    t.match(users.find('ann'), { unlockedAt: 5, passwordHash: /^\$argon2id/ }, act);
  }
});

t.test('the time of a sign-in is stored with one write, and the sessions stay valid', async (t) => {
  const { users, user, authenticator } = await setUp();
  const before = Date.now();
  let writes = 0;
  const replace = users.replace.bind(users);
  users.replace = (next, expectedVersion) => {
    writes++;
    return replace(next, expectedVersion);
  };
  t.equal(await signIn(authenticator, 'user1', 'wrong'), 'wrong password');
  t.same(users.find('user1'), user, 'a failure writes nothing');
  await signIn(authenticator, 'user1', 'password1');
  const { lastSignInAt = 0, version, ...rest } = users.find('user1') ?? user;
  t.ok(lastSignInAt >= before);
  t.same({ ...rest, version: user.version }, user);
  t.not(version, user.version);
  t.ok(await authenticator.findIfSessionsValid(user));
  t.equal(writes, 1);
});

t.test('a user who was removed, or removed and added again, is not unchanged', async (t) => {
  const { users, user, authenticator } = await setUp();
  t.ok(await authenticator.findIfSessionsValid(user));
  users.remove('user1');
  t.equal(await authenticator.findIfSessionsValid(user), undefined);
  users.create(newUser('user1', user.passwordHash));
  t.equal(await authenticator.findIfSessionsValid(user), undefined);
});

t.test('changePassword replaces the password of the verified user, unless the user has changed since', async (t) => {
  const { users, user, authenticator } = await setUp();
  const changed = await authenticator.changePassword(user, 'a horse, a battery');
  t.same(users.find('user1'), changed);
  t.not(changed?.version, user.version);
  t.equal(await verify(authenticator, 'user1', 'password1'), 'wrong password');
  t.same(await verify(authenticator, 'user1', 'a horse, a battery'), changed);
  t.equal(await authenticator.changePassword(user, 'another one of mine'), undefined);
  t.same(users.find('user1'), changed);
});

t.test('attempts of disabled and unknown users count as failures', async (t) => {
  const { users, user, authenticator, passwords } = await setUp();
  users.replace({ ...user, disabled: true }, user.version);
  for (const username of ['user1', 'nobody']) {
    for (let i = 0; i < 5; i++) {
      await verify(authenticator, username, 'password1');
    }
  }
  await t.rejects(verify(authenticator, 'somebody', 'password1'), { code: 'TOO_MANY_FAILURES' });
  t.equal(passwords.verified.length, 10, 'without a hash');
});

t.test('a device token is valid for its own user only', async (t) => {
  const { user, authenticator } = await setUp();
  const own = issueDeviceToken(user, Date.now());
  const others = issueDeviceToken({ ...user, id: 'another' }, Date.now());
  const deviceOf = async (deviceTokens: string[]) => {
    const outcome = await authenticator.verify(
      { username: 'user1', password: 'password1' },
      { ...ORIGIN, deviceTokens },
    );
    return (outcome as VerifiedUser).deviceId;
  };
  t.equal(await deviceOf([]), undefined);
  t.equal(await deviceOf([others, 'garbage']), undefined);
  t.equal(await deviceOf([others, own]), own.split('.')[0]);
});
