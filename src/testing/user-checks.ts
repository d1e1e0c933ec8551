import assert from 'node:assert/strict';
import { newUser, newVersion, type UserStore } from '../users/user-store.ts';
import { all, type Checks, times } from './suite.ts';

const ANN = newUser('ann', '$argon2id$hash', 1);

/** What calls must return, one after another and at the same time. */
export const userChecks: Checks<UserStore> = {
  'find returns a user as it was created, by the exact key': async (store) => {
    assert.equal(await store.find('ann'), undefined);
    assert.equal(await store.create(ANN), true);
    assert.deepEqual(await store.find('ann'), ANN);
    for (const name of ['Ann', 'ann ', ' ann', '', 'an', 'ann\0', '__proto__', 'constructor', 'toString']) {
      assert.equal(await store.find(name), undefined, JSON.stringify(name));
    }
  },

  'find returns a user by the key, and by the username only if the record has no key': async (store) => {
    const josé = newUser('José', '$hash', 1);
    const { key: _, ...older } = newUser('José', '$another hash', 1);
    assert.equal(await store.create(josé), true);
    assert.equal(await store.create(older), true);
    assert.deepEqual(await store.find('josé'), josé);
    assert.deepEqual(await store.find('José'), older);
    assert.equal(await store.find('JOSÉ'), undefined);
    assert.equal(await store.replace({ ...josé, disabled: true }, josé.version), true);
    assert.equal(await store.replace({ ...older, passwordHash: 'next' }, older.version), true);
    assert.deepEqual(await store.find('josé'), { ...josé, disabled: true });
    assert.deepEqual(await store.find('José'), { ...older, passwordHash: 'next' });
    assert.equal(await store.remove('José'), true);
    assert.equal(await store.find('José'), undefined);
    assert.equal(await store.remove('josé'), true);
  },

  'of 100 concurrent creates of one user exactly one returns true, and find returns its record': async (store) => {
    const candidates = times(100, (i) => newUser('ann', `$hash-${i}`, i));
    const won = await Promise.all(candidates.map((candidate) => store.create(candidate)));
    assert.equal(won.filter(Boolean).length, 1);
    assert.deepEqual(await store.find('ann'), candidates[won.indexOf(true)]);
    assert.equal(await store.create(ANN), false);
    assert.deepEqual(await store.find('ann'), candidates[won.indexOf(true)]);
  },

  'replace changes a user of the expected version and of no other': async (store) => {
    assert.equal(await store.replace(ANN, ANN.version), false, 'replace creates no user');
    assert.equal(await store.find('ann'), undefined, 'replace creates no user');
    await store.create(ANN);
    const next = { ...ANN, passwordHash: 'next', passwordChangedAt: 2, version: newVersion() };
    assert.equal(await store.replace(next, next.version), false);
    assert.equal(await store.replace(next, ANN.version.slice(0, -1)), false);
    assert.deepEqual(await store.find('ann'), ANN);
    assert.equal(await store.replace(next, ANN.version), true);
    assert.deepEqual(await store.find('ann'), next);
    assert.equal(await store.replace(ANN, ANN.version), false);
    assert.equal(await store.replace({ ...next, disabled: true }, next.version), true, 'a version may stay');
    assert.deepEqual(await store.find('ann'), { ...next, disabled: true });
  },

  'of 100 concurrent replaces of one version exactly one returns true, and find returns its record': async (store) => {
    await store.create(ANN);
    const candidates = times(100, (i) => ({ ...ANN, passwordHash: `hash-${i}`, version: newVersion() }));
    const won = await Promise.all(candidates.map((next) => store.replace(next, ANN.version)));
    assert.equal(won.filter(Boolean).length, 1);
    assert.deepEqual(await store.find('ann'), candidates[won.indexOf(true)]);
  },

  'a removed user is gone, replace does not bring the user back, and create may use the key again': async (store) => {
    await store.create(ANN);
    assert.equal(await store.remove('ann'), true);
    assert.equal(await store.remove('ann'), false);
    assert.equal(await store.replace({ ...ANN, disabled: true }, ANN.version), false);
    assert.equal(await store.find('ann'), undefined);
    assert.equal(await store.create(newUser('ann', '$another')), true);
  },

  'a closed store rejects every call, and close may be called again': async (store) => {
    await store.create(ANN);
    await store.close();
    await store.close();
    await assert.rejects(async () => store.create(newUser('bob', '$hash')), 'create');
    await assert.rejects(async () => store.find('ann'), 'find');
    await assert.rejects(async () => store.replace(ANN, ANN.version), 'replace');
    await assert.rejects(async () => store.remove('ann'), 'remove');
    await assert.rejects(async () => all(store.list()), 'list');
  },
};
