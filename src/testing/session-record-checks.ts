import assert from 'node:assert/strict';
import type { SessionStore } from '../sessions/session-store.ts';
import { ids, owner, record, versionOf } from './session-records.ts';
import { all, type Checks, times } from './suite.ts';

const HOUR_MS = 3_600_000;

/** What one call after another must return. */
export const recordChecks: Checks<SessionStore> = {
  'find returns a record as it was created, and undefined for an id that no record has': async (store) => {
    assert.equal(await store.find('id'), undefined);
    assert.equal(await store.create(record()), true);
    assert.deepEqual(await store.find('id'), record());
    assert.deepEqual(await store.find('id', true), record());
    assert.equal(await store.find('other'), undefined);
    assert.equal(await store.find('other', true), undefined);
  },

  'create on a taken id returns false, and the record there and its user stay as they are': async (store) => {
    await store.create(record());
    assert.equal(await store.create(record({ username: 'thief', secretHash: 'stolen' })), false);
    assert.deepEqual(await store.find('id'), record());
    assert.deepEqual(await store.listByUser(owner('thief')), []);
    assert.equal(await store.removeByUser(owner('thief')), 0);
    assert.deepEqual(await store.find('id'), record());
    assert.deepEqual(await store.listByUser(owner('user1')), [record()]);
  },

  'replace changes a record of the expected version and of no other': async (store) => {
    await store.create(record());
    const next = record({ secretHash: 'next', expiresAt: record().session.expiresAt + HOUR_MS });
    for (const wrong of ['', 'version', `${versionOf('hash')}2`, next.version, '*', `"${versionOf('hash')}"`, 'hash']) {
      assert.equal(await store.replace(next, wrong), false, `replace with the version ${JSON.stringify(wrong)}`);
    }
    assert.deepEqual(await store.find('id'), record());
    assert.equal(await store.replace(next, versionOf('hash')), true);
    assert.deepEqual(await store.find('id'), next);
    assert.equal(await store.replace(next, versionOf('hash')), false);
    assert.deepEqual(await store.listByUser(owner('user1')), [next]);
  },

  'replace compares the version and not the hash of the secret': async (store) => {
    const first = record({ version: 'one' });
    const changed = record({ version: 'two', data: { count: 1 } as object });
    await store.create(first);
    assert.equal(await store.replace(changed, 'hash'), false, 'the hash is no version');
    assert.equal(await store.replace(changed, 'one'), true, 'the version differs, the hash stays');
    assert.equal(await store.replace(first, 'one'), false, 'the hash is the same, the version is not');
    const rotated = record({ version: 'two', secretHash: 'next' });
    assert.equal(await store.replace(rotated, 'two'), true, 'the hash differs, the version stays');
    assert.deepEqual(await store.find('id'), rotated);
    await store.create(record({ id: 'other', version: 'two', secretHash: 'two' }));
    assert.equal(await store.replace(record({ id: 'other', version: 'three' }), 'two'), true);
    assert.deepEqual(await store.find('id'), rotated, 'another record may have the same version');
  },

  'replace after remove returns false, and no record comes back': async (store) => {
    assert.equal(await store.replace(record(), versionOf('hash')), false, 'replace creates no record');
    await store.create(record());
    assert.equal(await store.remove('id'), true);
    assert.equal(await store.remove('id'), false);
    assert.equal(await store.replace(record({ secretHash: 'next' }), versionOf('hash')), false);
    assert.equal(await store.find('id'), undefined);
    assert.deepEqual(await store.listByUser(owner('user1')), []);
  },

  'listByUser returns a session whose idle deadline was moved': async (store) => {
    const soon = record({ expiresAt: record().session.createdAt + 60_000 });
    await store.create(soon);
    assert.equal(await store.replace(record({ secretHash: 'next' }), versionOf('hash')), true);
    await store.create(record({ id: 'other' }));
    assert.deepEqual(ids(await store.listByUser(owner('user1'))), ['id', 'other']);
  },

  'the store does not check deadlines: an expired record may be created and replaced': async (store) => {
    const late = record({ expiresAt: 1, endsAt: 1 });
    assert.equal(await store.create(late), true);
    const found = await store.find('id');
    assert.ok(found === undefined || found.session.expiresAt === 1);
    const next = record({ ...late.session, secretHash: 'next' });
    assert.equal(typeof (await store.replace(next, versionOf('hash'))), 'boolean');
  },

  'list returns every record once': async (store) => {
    assert.deepEqual(await all(store.list()), []);
    const many = times(2500, (i) => record({ id: `session-${i}`, username: `user-${i % 7}` }));
    await Promise.all(many.map((one) => store.create(one)));
    assert.deepEqual(ids(await all(store.list())), ids(many));
  },

  'ping resolves while the backend answers, and now, if there is one, returns whole milliseconds': async (store) => {
    assert.equal(await store.ping(), undefined);
    assert.ok(Number.isInteger(store.now?.() ?? 0));
  },

  'a closed store rejects every call, and close may be called again': async (store) => {
    await store.create(record());
    await store.close();
    await store.close();
    await assert.rejects(async () => store.create(record({ id: 'other' })), 'create');
    await assert.rejects(async () => store.find('id'), 'find');
    await assert.rejects(async () => store.replace(record({ secretHash: 'next' }), versionOf('hash')), 'replace');
    await assert.rejects(async () => store.remove('id'), 'remove');
    await assert.rejects(async () => store.listByUser(owner('user1')), 'listByUser');
    await assert.rejects(async () => store.removeByUser(owner('user1')), 'removeByUser');
    await assert.rejects(async () => all(store.list()), 'list');
    await assert.rejects(async () => store.ping(), 'ping');
  },
};
