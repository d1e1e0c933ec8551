import t from 'tap';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { addDemoUsers } from '../../src/users/demo-users.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';

t.test('user1 and user2 are added with the passwords of the README, as hashes', async (t) => {
  const store = new MemoryUserStore();
  const passwords = new PasswordHasher();
  t.same(await addDemoUsers(store, passwords), ['user1', 'user2']);
  for (const n of [1, 2]) {
    const user = store.find(`user${n}`);
    t.equal(await passwords.verify(user?.passwordHash ?? '', `password${n}`), true);
  }
});
