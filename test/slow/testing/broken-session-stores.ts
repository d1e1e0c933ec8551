import type { SessionOwner, SessionRecord } from '../../../src/sessions/session.ts';
import type { SessionStore } from '../../../src/sessions/session-store.ts';
import type { MemorySessionStore } from '../../../src/stores/memory/session-store.ts';
import { nextTurn } from './rules.ts';

/** Methods that replace those of a store that keeps the contract. */
export type Break = (store: MemorySessionStore) => Partial<SessionStore>;

export const idOf = (record: SessionRecord) => record.session.id;

/** Stores a record. An existing one is overwritten. */
export function put(store: MemorySessionStore, record: SessionRecord): true {
  store.remove(idOf(record));
  store.create(record);
  return true;
}

/** Takes the sessions of other owners for those of this one: of all whose key is equal. */
function indexedBy(keyOf: (session: SessionOwner & { username: string }) => string): Break {
  return (store) => {
    const listByUser = (owner: SessionOwner) => {
      const key = keyOf({ username: owner.userId, ...owner });
      return [...store.list()].filter(({ session }) => keyOf(session) === key);
    };
    return {
      listByUser,
      removeByUser: (owner, keep) =>
        listByUser(owner).filter((one) => idOf(one) !== keep && store.remove(idOf(one))).length,
    };
  };
}

/** Returns other records than those that were stored. */
function returning(change: (record: SessionRecord) => SessionRecord): Break {
  return (store) => ({
    find: (id) => {
      const found = store.find(id);
      return found && change(found);
    },
    listByUser: (owner) => store.listByUser(owner).map(change),
    list: () => [...store.list()].map(change),
  });
}

/** For each rule a store that breaks it. */
export const brokenSessionStores: Readonly<Record<string, Break>> = {
  'find returns a record as it was created, and undefined for an id that no record has': (store) => ({
    find: (id) => store.find(id) ?? (null as unknown as undefined),
  }),
  'create on a taken id returns false, and the record there and its user stay as they are': (store) => ({
    create: (record) => store.create(record) || !put(store, record),
  }),
  'replace changes a record of the expected version and of no other': (store) => ({
    replace: (next) => store.find(idOf(next)) !== undefined && put(store, next),
  }),
  'replace compares the version and not the hash of the secret': (store) => ({
    replace: (next, expected) => store.find(idOf(next))?.secretHash === expected && put(store, next),
  }),
  'replace after remove returns false, and no record comes back': (store) => ({
    replace: (next, expected) => store.replace(next, expected) || store.create(next),
  }),
  'listByUser returns a session whose idle deadline was moved': (store) => {
    const deadlines = new Map<string, number>();
    return {
      create: (record) => {
        deadlines.set(idOf(record), record.session.expiresAt);
        return store.create(record);
      },
      listByUser: (owner) =>
        store.listByUser(owner).filter(({ session }) => deadlines.get(session.id) === session.expiresAt),
    };
  },
  'the store does not check deadlines: an expired record may be created and replaced': (store) => ({
    create: (record) => record.session.expiresAt > Date.now() && store.create(record),
  }),
  'list returns every record once': (store) => ({ list: () => [...store.list()].slice(0, 1000) }),
  'ping resolves while the backend answers, and now, if there is one, returns whole milliseconds': () => ({
    now: () => performance.now() + 0.5,
  }),
  'a closed store rejects every call, and close may be called again': (store) => ({
    find: (id) => {
      try {
        return store.find(id);
      } catch {
        return undefined;
      }
    },
  }),
  'listByUser and removeByUser find the records of one user, and removeByUser keeps the one to keep': (store) => ({
    removeByUser: (owner) => store.removeByUser(owner),
  }),
  'the same user id in two namespaces is two users': indexedBy(({ userId }) => userId),
  'two owners are the same only if both their namespaces and their user ids are equal': indexedBy(
    ({ namespace, userId }) => `${namespace}:${userId}`,
  ),
  'replace may change the username, and the session still belongs to the same user': indexedBy(
    ({ namespace, username }) => JSON.stringify([namespace, username]),
  ),
  'a session that is created during removeByUser is either listed or removed': (store) => {
    const forgotten = new Set<string>();
    return {
      create: async (record) => {
        await nextTurn();
        return store.create(record);
      },
      listByUser: (owner) => store.listByUser(owner).filter((one) => !forgotten.has(idOf(one))),
      removeByUser: async (owner, keep) => {
        const found = store.listByUser(owner).filter((one) => idOf(one) !== keep);
        await nextTurn();
        const removed = found.filter((one) => store.remove(idOf(one))).length;
        for (const one of store.listByUser(owner).filter((one) => idOf(one) !== keep)) {
          forgotten.add(idOf(one));
        }
        return removed;
      },
    };
  },
  'of 100 concurrent creates of one id exactly one returns true, and find returns its record': (store) => ({
    create: async (record) => {
      const isTaken = store.find(idOf(record)) !== undefined;
      await nextTurn();
      return !isTaken && put(store, record);
    },
  }),
  'of 100 concurrent replaces of one version exactly one returns true, and find returns its record': (store) => ({
    replace: async (next, expected) => {
      const isExpected = store.find(idOf(next))?.version === expected;
      await nextTurn();
      return isExpected && put(store, next);
    },
  }),
  'of 100 concurrent increments of data by find and replace, repeated until they succeed, none is lost': (store) => ({
    // Wins with the data of another: a last write wins, although each version is replaced once.
    replace: (next, expected) =>
      store.replace(next, expected) || (store.find(idOf(next)) !== undefined && put(store, next)),
  }),
  'a record that is removed during concurrent replaces stays removed': (store) => ({
    replace: async (next, expected) => {
      const isExpected = store.find(idOf(next))?.version === expected;
      await nextTurn();
      return isExpected && (store.remove(idOf(next)) || store.create(next)) && put(store, next);
    },
  }),
  'of 100 concurrent removes of one id exactly one returns true': (store) => ({
    remove: async (id) => {
      const isThere = store.find(id) !== undefined;
      await nextTurn();
      store.remove(id);
      return isThere;
    },
  }),
  'listByUser never misses a live session while others start and end': (store) => ({
    remove: async (id) => {
      await nextTurn();
      return store.remove(id);
    },
    // Reads in pages, the newest first. A removal between two pages moves records past the next page.
    listByUser: async (owner) => {
      const found: SessionRecord[] = [];
      for (let start = 0; start < store.listByUser(owner).length; start += 3) {
        found.push(
          ...store
            .listByUser(owner)
            .reverse()
            .slice(start, start + 3),
        );
        await nextTurn();
      }
      return found;
    },
  }),
  'the caller may change a record that it passed in or got, and the store does not change it': (store) => {
    const given = new Map<string, SessionRecord>();
    return {
      create: (record) => {
        given.set(idOf(record), record);
        return store.create(structuredClone(record));
      },
      find: (id) => given.get(id),
    };
  },
  'data is returned as it was stored, with any JSON in it': returning((record) => {
    const data = JSON.parse(JSON.stringify(record.session.data, (_, value) => value ?? undefined));
    return { ...record, session: { ...record.session, data } };
  }),
  // Has no columns for them.
  'the offer and the binding of a session are returned as they were stored': returning(
    ({ offer: _, binding: __, ...record }) => record,
  ),
  'ids, users, versions, hashes and earlier hashes may be any strings, and are returned unchanged': returning(
    (record) => ({ ...record, replaced: record.replaced.map((one) => ({ ...one, secretHash: wellFormed(one) })) }),
  ),
};

/** What a column of UTF-8 text makes of a string. */
function wellFormed({ secretHash }: { secretHash: string }): string {
  return secretHash.toWellFormed();
}
