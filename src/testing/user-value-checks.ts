import assert from 'node:assert/strict';
import { newUser, type UserRecord, type UserStore } from '../users/user-store.ts';
import { all, type Checks, changeInPlace, STRANGE_STRINGS } from './suite.ts';

/** That values are kept as they are. */
export const userValueChecks: Checks<UserStore> = {
  'the caller may change a user that it passed in or got, and the store does not change it': async (store) => {
    const created = newUser('ann', '$hash', 1);
    const copy = { ...created };
    const next = { ...copy, passwordHash: 'next' };
    await store.create(created);
    changeInPlace([created], { passwordHash: 'stolen' });
    const kept = await store.find('ann');
    changeInPlace([await store.find('ann')], { disabled: true });
    assert.deepEqual(await store.find('ann'), copy);
    await store.replace(next, copy.version);
    changeInPlace([next], { passwordHash: 'stolen' });
    assert.deepEqual(await store.find('ann'), { ...copy, passwordHash: 'next' });
    await store.remove('ann');
    assert.deepEqual(kept, copy, 'a later write changed a user that was returned before');
  },

  'ids, names, keys, versions and hashes may be any strings, and are returned unchanged': async (store) => {
    const users = strangeUsers();
    for (const user of users) {
      assert.equal(await store.create(user), true, JSON.stringify(user.key));
    }
    for (const user of users) {
      assert.deepEqual(await store.find(user.username), user);
    }
    for (const user of users) {
      const next = { ...user, disabled: true };
      assert.equal(await store.replace(next, `${user.version}?`), false, JSON.stringify(user.key));
      assert.equal(await store.replace(next, user.version), true, JSON.stringify(user.key));
      assert.deepEqual(await store.find(user.username), next);
      assert.equal(await store.remove(user.username), true, JSON.stringify(user.key));
    }
    assert.deepEqual(await all(store.list()), []);
  },

  'fields that a record need not have are kept, also those that the store does not know': async (store) => {
    const optional = {
      lastSignInAt: 2,
      unlockedAt: 3,
      passwordExpired: true,
      passwordLink: { secretHash: 'hash', expiresAt: 4 },
      ofALaterVersion: ['a', { b: null }],
    } as const;
    const created: UserRecord = { ...newUser('ann', '$hash', 1), ...optional };
    await store.create(created);
    assert.deepEqual(await store.find('ann'), created);
    const { passwordLink: _, ...next } = { ...created, lastSignInAt: 5 };
    await store.replace(next, created.version);
    assert.deepEqual(await store.find('ann'), next, 'a field that the next record does not have is gone');
  },

  'list returns every user once': async (store) => {
    const users = strangeUsers();
    for (const user of users) {
      await store.create(user);
    }
    const names = (listed: readonly UserRecord[]) => listed.map(({ username }) => JSON.stringify(username)).sort();
    assert.deepEqual(names(await all(store.list())), names(users));
  },
};

function strangeUsers(): UserRecord[] {
  return Object.values(STRANGE_STRINGS).map((text) => {
    return { ...newUser('user', '$hash', 1), passwordHash: text, id: text, username: text, key: text, version: text };
  });
}
