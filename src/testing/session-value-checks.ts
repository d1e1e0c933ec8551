import assert from 'node:assert/strict';
import type { SessionRecord } from '../sessions/session.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import { owner, record, versionOf } from './session-records.ts';
import { all, type Checks, changeInPlace, STRANGE_STRINGS } from './suite.ts';

/** Data of all JSON types. The text has a property `__proto__`, which a literal of JavaScript cannot have. */
const DATA: object = {
  ...JSON.parse('{"__proto__": {"isAdmin": true}, "constructor": null}'),
  '': 'an empty name',
  'a.b': { $set: 1, 'c:d': [] },
  nested: [{ list: [1, [2, [3, { deep: [null, {}] }]]] }, [], {}],
  numbers: [0, -1, 1.5, 1e21, 5e-324, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE],
  booleans: [true, false],
  'a date': '2030-01-01T12:00:00.000Z',
  'digits and words': ['1', '007', 'null', 'true', 'NaN'],
};

/** That values are kept as they are. */
export const valueChecks: Checks<SessionStore> = {
  'the caller may change a record that it passed in or got, and the store does not change it': async (store) => {
    const created = record({ data: { items: ['a'] } as object });
    const copy = structuredClone(created);
    await store.create(created);
    steal(created);
    const found = await store.find('id');
    assert.deepEqual(found, copy);
    steal(found);
    const [listed] = await store.listByUser(owner('user1'));
    assert.deepEqual(listed, copy);
    steal(listed);
    const kept = await store.find('id');
    assert.deepEqual(kept, copy);
    const next = record({ secretHash: 'next' });
    await store.replace(next, versionOf('hash'));
    steal(next);
    assert.deepEqual(await store.find('id'), record({ secretHash: 'next' }));
    await store.remove('id');
    await store.create(record({ username: 'another' }));
    assert.deepEqual(kept, copy, 'a later write changed a record that was returned before');
  },

  'data is returned as it was stored, with any JSON in it': async (store) => {
    const withData = record({ data: DATA });
    await store.create(withData);
    assert.deepEqual(await store.find('id'), withData);
    assert.deepEqual(await store.listByUser(owner('user1')), [withData]);
    assert.deepEqual(await all(store.list()), [withData]);
    for (const [index, [what, text]] of Object.entries(STRANGE_STRINGS).entries()) {
      const strange = record({ id: `session-${index}`, data: { text, [`name ${text}`]: [text] } as object });
      await store.create(record({ id: `session-${index}` }));
      assert.equal(await store.replace({ ...strange, version: 'next' }, versionOf('hash')), true, what);
      assert.deepEqual(await store.find(`session-${index}`), { ...strange, version: 'next' }, what);
    }
  },

  'the offer and the binding of a session are returned as they were stored': async (store) => {
    const offered = { ...record(), offer: { challengeHash: 'hash', expiresAt: 1 } };
    const { offer: _, ...rest } = offered;
    const binding = { key: { x: 'x', y: 'y' }, challengeKey: 'key', tokenExpiresAt: 2 };
    const replaced = [{ secretHash: 'old', replacedAt: 1, goodUntil: 2 }];
    const bound = { ...rest, version: 'next', session: { ...rest.session, bound: true }, binding, replaced };
    await store.create(offered);
    assert.deepEqual(await store.find('id'), offered);
    assert.equal(await store.replace(bound, versionOf('hash')), true);
    assert.deepEqual(await store.find('id', true), bound, 'the offer is gone');
    assert.deepEqual(await store.listByUser(owner('user1')), [bound]);
  },

  'ids, users, versions, hashes and earlier hashes may be any strings, and are returned unchanged': async (store) => {
    const strange = Object.entries(STRANGE_STRINGS).map(([what, text]) => [what, text, strangeRecord(text)] as const);
    for (const [what, , one] of strange) {
      assert.equal(await store.create(one), true, what);
    }
    for (const [what, text, one] of strange) {
      assert.deepEqual(await store.find(one.session.id), one, what);
      assert.deepEqual(await store.listByUser(owner(text)), [one], what);
      const next = { ...one, version: `${text}!` };
      assert.equal(await store.replace(next, `${text}?`), false, what);
      assert.equal(await store.replace(next, text), true, what);
      assert.deepEqual(await store.find(one.session.id), next, what);
    }
    for (const [what, text, one] of strange) {
      assert.equal(await store.removeByUser(owner(text)), 1, what);
      assert.equal(await store.find(one.session.id), undefined, what);
    }
    assert.deepEqual(await all(store.list()), []);
  },
};

function strangeRecord(text: string): SessionRecord {
  const one = record({ id: `id ${text}`, username: text, secretHash: text, version: text });
  return { ...one, replaced: [{ secretHash: text, replacedAt: 1 }] };
}

/** Tries to change a record and the objects in it. */
function steal(stored: SessionRecord | undefined): void {
  const data = stored?.session.data as { items?: string[] } | undefined;
  changeInPlace([stored, stored?.session, data], { username: 'thief', secretHash: 'stolen', version: 'stolen' });
  changeInPlace([data?.items], ['stolen']);
}
