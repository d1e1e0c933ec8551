import assert from 'node:assert/strict';
import type { SessionOwner } from '../sessions/session.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import { ids, owner, record, versionOf } from './session-records.ts';
import { type Checks, times } from './suite.ts';

/** What a store may put between the two parts of an owner. It must not confuse a part that contains it with two parts. */
const SEPARATORS = ['', ':', '::', '/', '.', ',', '|', '-', '_', '#', ' ', '\0', '\n', '"', '","', '\\', '\u{10ffff}'];

/** Pairs of owners whose joined parts are equal. */
const OWNERS: readonly SessionOwner[] = [
  ...SEPARATORS.flatMap((separator) => [
    { namespace: 'a', userId: `b${separator}c` },
    { namespace: `a${separator}b`, userId: 'c' },
  ]),
  { namespace: '', userId: 'ab' },
  { namespace: 'ab', userId: '' },
  { namespace: '', userId: '' },
  { namespace: 'c', userId: 'a' },
];

/** To which user a record belongs. */
export const ownerChecks: Checks<SessionStore> = {
  'listByUser and removeByUser find the records of one user, and removeByUser keeps the one to keep': async (store) => {
    for (const i of [1, 2, 3]) {
      await store.create(record({ id: `session-${i}` }));
    }
    const foreign = record({ id: 'session-4', username: 'user2' });
    await store.create(foreign);
    assert.deepEqual(ids(await store.listByUser(owner('user1'))), ['session-1', 'session-2', 'session-3']);
    assert.deepEqual(await store.listByUser(owner('nobody')), []);
    assert.equal(await store.removeByUser(owner('user1'), 'session-2'), 2);
    assert.deepEqual(await store.listByUser(owner('user1')), [record({ id: 'session-2' })]);
    assert.equal(await store.find('session-1'), undefined);
    assert.equal(await store.removeByUser(owner('user1'), 'session-4'), 1, 'the id to keep is of another user');
    assert.equal(await store.removeByUser(owner('user1')), 0);
    assert.deepEqual(await store.listByUser(owner('user2')), [foreign]);
  },

  'the same user id in two namespaces is two users': async (store) => {
    const [here, there] = ['user area', 'admin area'].map((namespace) => record({ id: namespace, namespace }));
    assert.ok(here && there);
    await store.create(here);
    await store.create(there);
    assert.deepEqual(await store.listByUser(here.session), [here]);
    assert.deepEqual(await store.listByUser(there.session), [there]);
    assert.equal(await store.removeByUser(here.session), 1);
    assert.equal(await store.find('user area'), undefined);
    assert.deepEqual(await store.listByUser(here.session), []);
    assert.deepEqual(await store.listByUser(there.session), [there]);
  },

  'two owners are the same only if both their namespaces and their user ids are equal': async (store) => {
    const records = OWNERS.map((owner, i) => record({ id: `session-${i}`, ...owner }));
    for (const one of records) {
      assert.equal(await store.create(one), true);
    }
    for (const [i, one] of records.entries()) {
      const { namespace, userId } = one.session;
      const who = JSON.stringify({ namespace, userId });
      assert.deepEqual(await store.listByUser({ namespace, userId }), [one], who);
      assert.equal(await store.removeByUser({ namespace, userId }), 1, who);
      assert.equal(await store.find(`session-${i}`), undefined, who);
    }
  },

  'replace may change the username, and the session still belongs to the same user': async (store) => {
    await store.create(record({ username: 'ann', userId: 'user-1' }));
    const renamed = record({ username: 'beth', userId: 'user-1', secretHash: 'next' });
    assert.equal(await store.replace(renamed, versionOf('hash')), true);
    assert.deepEqual(await store.find('id'), renamed);
    assert.deepEqual(await store.listByUser(owner('user-1')), [renamed]);
    for (const name of ['ann', 'beth']) {
      assert.deepEqual(await store.listByUser(owner(name)), [], 'the name is not the user id');
      assert.equal(await store.removeByUser(owner(name)), 0, 'the name is not the user id');
    }
    assert.equal(await store.removeByUser(owner('user-1')), 1);
    assert.equal(await store.find('id'), undefined);
    await store.create(record({ username: 'ann', userId: 'user-1' }));
    await store.replace(renamed, versionOf('hash'));
    assert.equal(await store.remove('id'), true);
    assert.deepEqual(await store.listByUser(owner('user-1')), []);
  },

  'a session that is created during removeByUser is either listed or removed': async (store) => {
    for (let round = 0; round < 10; round++) {
      const username = `user-${round}`;
      const created = times(20, (i) => record({ id: `${username}-${i}`, username }));
      await Promise.all([
        ...created.map((one) => store.create(one)),
        store.removeByUser(owner(username)),
        ...created.slice(10).map((one) => store.remove(one.session.id)),
      ]);
      const listed = new Set(ids(await store.listByUser(owner(username))));
      for (const { session } of created) {
        const isThere = (await store.find(session.id)) !== undefined;
        assert.equal(isThere, listed.has(session.id), `find and listByUser disagree about ${session.id}`);
      }
      await store.removeByUser(owner(username));
      assert.deepEqual(await store.listByUser(owner(username)), []);
    }
  },
};
