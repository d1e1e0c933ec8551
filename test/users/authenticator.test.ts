import t, { type Test } from 'tap';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { newUser } from '../../src/stores/user-store.ts';
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
  return { user, passwords, authenticator: await Authenticator.create(users, passwords) };
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
