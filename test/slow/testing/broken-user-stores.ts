import type { MemoryUserStore } from '../../../src/stores/memory/user-store.ts';
import { keyOf, type UserRecord, type UserStore } from '../../../src/users/user-store.ts';
import { nextTurn } from './rules.ts';

type Break = (store: MemoryUserStore) => Partial<UserStore>;

/** Stores a user. An existing one is overwritten. */
function put(store: MemoryUserStore, user: UserRecord): true {
  store.remove(keyOf(user));
  return store.create(user) as true;
}

/** For each rule a store that breaks it. */
export const brokenUserStores: Readonly<Record<string, Break>> = {
  'find returns a user as it was created, by the exact key': (store) => ({
    find: (key) => store.find(key.trim().toLowerCase()),
  }),
  'find returns a user by the key, and by the username only if the record has no key': (store) => ({
    find: (key) => store.find(key) ?? [...store.list()].find(({ username }) => username.toUpperCase() === key),
  }),
  'of 100 concurrent creates of one user exactly one returns true, and find returns its record': (store) => ({
    create: async (user) => {
      const isTaken = store.find(keyOf(user)) !== undefined;
      await nextTurn();
      return !isTaken && put(store, user);
    },
  }),
  'replace changes a user of the expected version and of no other': (store) => ({
    replace: (next, expected) => store.find(keyOf(next))?.version.startsWith(expected) === true && put(store, next),
  }),
  'of 100 concurrent replaces of one version exactly one returns true, and find returns its record': (store) => ({
    replace: async (next, expected) => {
      const isExpected = store.find(keyOf(next))?.version === expected;
      await nextTurn();
      return isExpected && put(store, next);
    },
  }),
  'a removed user is gone, replace does not bring the user back, and create may use the key again': (store) => {
    const names = new Set<string>();
    return { create: (user) => !names.has(keyOf(user)) && store.create(user) && names.add(keyOf(user)).size > 0 };
  },
  'a closed store rejects every call, and close may be called again': () => ({ close: () => {} }),
  'the caller may change a user that it passed in or got, and the store does not change it': (store) => {
    const given = new Map<string, UserRecord>();
    return {
      create: (user) => {
        given.set(keyOf(user), user);
        return store.create(user);
      },
      find: (key) => given.get(key),
    };
  },
  'ids, names, keys, versions and hashes may be any strings, and are returned unchanged': (store) => ({
    find: (key) => {
      const user = store.find(key);
      return user && { ...user, passwordHash: user.passwordHash.normalize('NFC') };
    },
  }),
  'fields that a record need not have are kept, also those that the store does not know': (store) => ({
    replace: (next, expected) => store.replace({ ...store.find(keyOf(next)), ...next }, expected),
  }),
  'list returns every user once': (store) => ({ list: () => [...store.list()].slice(1) }),
};
