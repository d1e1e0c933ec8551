import t from 'tap';
import { testUserStore, type UserStore } from '../../../src/exports/testing.ts';
import { MemoryUserStore } from '../../../src/stores/memory/user-store.ts';
import { brokenUserStores } from './broken-user-stores.ts';
import { brokenRules, rulesOf } from './rules.ts';

/** A store some of whose methods are replaced. */
function userStore(breakIt: (store: MemoryUserStore) => Partial<UserStore>): UserStore {
  const store = new MemoryUserStore();
  return {
    create: (user) => store.create(user),
    find: (key) => store.find(key),
    replace: (next, expectedVersion) => store.replace(next, expectedVersion),
    remove: (key) => store.remove(key),
    list: () => store.list(),
    close: () => store.close(),
    ...breakIt(store),
  };
}

t.test('a store that keeps the contract passes', async (t) => {
  t.same([...(await brokenRules((test) => testUserStore(test, () => userStore(() => ({})))))], []);
});

t.test('for each rule, a store that breaks it fails with the rule as the message', async (t) => {
  const rules = await rulesOf((test) => testUserStore(test, () => new MemoryUserStore()));
  t.same(Object.keys(brokenUserStores).sort(), rules.sort());
  for (const [rule, breakIt] of Object.entries(brokenUserStores)) {
    const broken = await brokenRules((test) => testUserStore(test, async () => userStore(breakIt)));
    t.equal(broken.get(rule)?.split('\n', 1)[0], `The contract of UserStore says: ${rule}.`);
  }
});
