import t from 'tap';
import { MemoryUserStore } from '../../../src/stores/memory/user-store.ts';

t.test('a user is found by the very name, and a name is given once', async (t) => {
  const store = new MemoryUserStore();
  const user = { username: 'user1', passwordHash: 'hash' };
  t.equal(store.create(user), true);
  t.equal(store.create({ ...user, passwordHash: 'other' }), false);
  t.same(store.find('user1'), user);
  for (const name of ['User1', 'user1 ', '', '__proto__', 'constructor', 'toString']) {
    t.equal(store.find(name), undefined, name);
  }
});
