import { hash as hashArgon2 } from '@node-rs/argon2';
import { hash as hashBcrypt } from '@node-rs/bcrypt';
import t, { type Test } from 'tap';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { newUser, newVersion } from '../../src/stores/user-store.ts';
import { Authenticator } from '../../src/users/authenticator.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';

class CountingHasher extends PasswordHasher {
  readonly verified: string[] = [];
  override verify(passwordHash: string, password: string) {
    this.verified.push(passwordHash);
    return super.verify(passwordHash, password);
  }
}

async function setUp(_t: Test) {
  const users = new MemoryUserStore();
  const passwords = new CountingHasher();
  const user = newUser('user1', await passwords.hash('password1'));
  users.create(user);
  return { users, user, passwords, authenticator: await Authenticator.create(users, passwords) };
}

t.test('the right name and password give the user', async (t) => {
  const { user, authenticator } = await setUp(t);
  t.same(await authenticator.verify('user1', 'password1'), user);
});

t.test('anything else gives nobody, for the price of one hash with the same parameters', async (t) => {
  const { passwords, authenticator } = await setUp(t);
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
    t.equal(await authenticator.verify(username, password), undefined, username);
  }
  t.equal(passwords.verified.length, wrong.length);
  for (const hash of passwords.verified) {
    t.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  }
});

t.test('who is disabled is nobody, for the price of one hash', async (t) => {
  const { users, user, passwords, authenticator } = await setUp(t);
  users.replace({ ...user, disabled: true }, user.version);
  t.equal(await authenticator.verify('user1', 'password1'), undefined);
  t.equal(passwords.verified.length, 1);
});

const FOREIGN = {
  'argon2id with other costs': (password: string) => hashArgon2(password, { memoryCost: 4096, timeCost: 1 }),
  'bcrypt as htpasswd writes it': (password: string) =>
    hashBcrypt(password, 4).then((hash) => hash.replace('$2b$', '$2y$')),
};

for (const [what, foreign] of Object.entries(FOREIGN)) {
  t.test(`a hash from elsewhere, ${what}, verifies and is renewed, and the version stays`, async (t) => {
    const { users, authenticator } = await setUp(t);
    const ann = newUser('ann', await foreign('a horse, a battery'));
    users.create(ann);
    t.equal(await authenticator.verify('ann', 'a horse, a batter'), undefined);
    t.same(users.find('ann'), ann, 'a wrong password renews nothing');
    t.same(await authenticator.verify('ann', 'a horse, a battery'), ann);
    const renewed = users.find('ann');
    t.match(renewed, { ...ann, passwordHash: /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/ });
    t.ok(await authenticator.verify('ann', 'a horse, a battery'));
    t.same(users.find('ann'), renewed, 'once');
    t.equal(await authenticator.isUnchanged(ann), true);
  });
}

t.test('a hash that cannot be renewed keeps nobody from signing in', async (t) => {
  const users = new MemoryUserStore();
  const ann = newUser('ann', await FOREIGN['bcrypt as htpasswd writes it']('a horse, a battery'));
  users.create(ann);
  users.replace = () => {
    throw new Error('down');
  };
  const heard: unknown[] = [];
  const renewing = await Authenticator.create(users, new PasswordHasher(), (error) => heard.push(error));
  t.same(await renewing.verify('ann', 'a horse, a battery'), ann);
  t.match(heard, [{ message: 'down' }]);
  const deaf = await Authenticator.create(users, new PasswordHasher());
  t.same(await deaf.verify('ann', 'a horse, a battery'), ann);
});

t.test('a renewal does not undo a change of the password meanwhile', async (t) => {
  const { users, authenticator, passwords } = await setUp(t);
  const ann = newUser('ann', await FOREIGN['bcrypt as htpasswd writes it']('a horse, a battery'));
  users.create(ann);
  const changed = { ...ann, passwordHash: await passwords.hash('another'), version: newVersion() };
  const hash = passwords.hash.bind(passwords);
  passwords.hash = (password) => {
    users.replace(changed, ann.version);
    return hash(password);
  };
  await authenticator.verify('ann', 'a horse, a battery');
  t.same(users.find('ann'), changed);
  t.equal(await authenticator.isUnchanged(ann), false);
});

t.test('who was removed, or removed and added again, is not unchanged', async (t) => {
  const { users, user, authenticator } = await setUp(t);
  t.equal(await authenticator.isUnchanged(user), true);
  users.remove('user1');
  t.equal(await authenticator.isUnchanged(user), false);
  users.create(newUser('user1', user.passwordHash));
  t.equal(await authenticator.isUnchanged(user), false);
});
