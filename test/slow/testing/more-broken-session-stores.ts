import { all } from '../../../src/testing/suite.ts';
import { type Break, idOf, put } from './broken-session-stores.ts';

/** More stores that break a rule, each with a mistake that is easy to make. */
export const moreBrokenSessionStores: Readonly<Record<string, Break>> = {
  'create returns nothing': (store) => ({ create: (record) => void store.create(record) as unknown as boolean }),
  'find returns nothing for the latest record': (store) => ({
    find: (id, latest) => (latest ? undefined : store.find(id)),
  }),
  'replace matches the beginning of a version': (store) => ({
    replace: (next, expected) => {
      const current = store.find(idOf(next))?.version;
      return current?.startsWith(expected) === true && put(store, next);
    },
  }),
  'replace takes the hash of the secret for the version, too': (store) => ({
    replace: (next, expected) =>
      store.replace(next, expected) || (store.find(idOf(next))?.secretHash === expected && put(store, next)),
  }),
  'remove returns true for a record that is not there': (store) => ({ remove: (id) => store.remove(id) || true }),
  'removeByUser returns one too many': (store) => ({
    removeByUser: (owner, keep) => store.removeByUser(owner, keep) + 1,
  }),
  'list returns each record twice': (store) => ({ list: () => [...store.list(), ...store.list()] }),
  'list of a closed store is empty': (store) => ({
    list: async function* () {
      yield* await Promise.resolve()
        .then(() => all(store.list()))
        .catch(() => []);
    },
  }),
  'ping answers PONG': () => ({ ping: () => 'PONG' as unknown as undefined }),
  'close fails when it is called again': (store) => {
    let isClosed = false;
    return {
      close: () => {
        if (isClosed) {
          throw new Error('closed twice');
        }
        isClosed = true;
        store.close();
      },
    };
  },
  'close fails': () => ({ close: () => Promise.reject('not an Error') }),
  'every call fails': () => ({ create: () => Promise.reject(new Error('down')), find: () => Promise.reject() }),
};
