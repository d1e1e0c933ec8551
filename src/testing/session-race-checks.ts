import assert from 'node:assert/strict';
import type { SessionRecord } from '../sessions/session.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import { ids, owner, record, versionOf } from './session-records.ts';
import { type Checks, times } from './suite.ts';

/** What must hold when many calls run at the same time. */
export const raceChecks: Checks<SessionStore> = {
  'of 100 concurrent creates of one id exactly one returns true, and find returns its record': async (store) => {
    const candidates = times(100, (i) => record({ secretHash: `hash-${i}` }));
    const won = await Promise.all(candidates.map((candidate) => store.create(candidate)));
    assert.equal(won.filter(Boolean).length, 1);
    assert.deepEqual(await store.find('id'), candidates[won.indexOf(true)]);
  },

  'of 100 concurrent replaces of one version exactly one returns true, and find returns its record': async (store) => {
    for (let round = 0; round < 10; round++) {
      const id = `round-${round}`;
      await store.create(record({ id }));
      const candidates = times(100, (i) => record({ id, secretHash: `next-${i}` }));
      const won = await Promise.all(candidates.map((next) => store.replace(next, versionOf('hash'))));
      assert.equal(won.filter(Boolean).length, 1);
      assert.deepEqual(await store.find(id), candidates[won.indexOf(true)]);
    }
  },

  'of 100 concurrent increments of data by find and replace, repeated until they succeed, none is lost': async (
    store,
  ) => {
    await store.create(record({ data: { count: 0 } as object }));
    await Promise.all(times(100, (i) => increment(store, `increment-${i}`)));
    const found = await store.find('id', true);
    assert.ok(found, 'the record is gone');
    assert.equal(countIn(found), 100);
  },

  'a record that is removed during concurrent replaces stays removed': async (store) => {
    for (let round = 0; round < 20; round++) {
      const id = `round-${round}`;
      await store.create(record({ id }));
      const replaces = times(10, (i) => store.replace(record({ id, secretHash: `next-${i}` }), versionOf('hash')));
      const [removed] = await Promise.all([
        round % 2 === 0 ? store.remove(id) : Promise.resolve(store.removeByUser(owner('user1'))).then((n) => n === 1),
        ...replaces,
      ]);
      assert.equal(removed, true);
      assert.equal(await store.find(id), undefined);
    }
    assert.deepEqual(await store.listByUser(owner('user1')), []);
  },

  'of 100 concurrent removes of one id exactly one returns true': async (store) => {
    await store.create(record());
    const removed = await Promise.all(times(100, () => store.remove('id')));
    assert.equal(removed.filter(Boolean).length, 1);
  },

  'listByUser never misses a live session while others start and end': async (store, signal) => {
    const staying = times(10, (i) => record({ id: `staying-${i}` }));
    await Promise.all(staying.map((one) => store.create(one)));
    const traffic = times(8, (lane) => startAndEnd(store, lane));
    let isDone = false;
    const done = Promise.allSettled(traffic).then(() => {
      isDone = true;
    });
    for (let round = 0; (!isDone && !signal.aborted) || round === 0; round++) {
      const kept = staying[round % 10] as SessionRecord;
      const current = await store.find(kept.session.id);
      assert.ok(current, 'a live session is gone');
      await store.replace(record({ ...kept.session, secretHash: `v${round}` }), current.version);
      const listed = new Set(ids(await store.listByUser(owner('user1'))));
      const missed = staying.filter(({ session }) => !listed.has(session.id));
      assert.deepEqual(ids(missed), []);
      await new Promise(setImmediate);
    }
    await done;
    await Promise.all(traffic);
    assert.deepEqual(ids(await store.listByUser(owner('user1'))), ids(staying), 'removed ones are not listed');
  },
};

/** Sessions of the user that come and go. */
async function startAndEnd(store: SessionStore, lane: number): Promise<void> {
  for (let i = 0; i < 40; i++) {
    const passing = record({ id: `passing-${lane}-${i}` });
    await store.create(passing);
    await store.replace(record({ ...passing.session, secretHash: 'next' }), versionOf('hash'));
    await store.remove(passing.session.id);
  }
}

/** Of 100 callers, each loses at most to the 99 others: the replace that comes in between is one that succeeds. */
async function increment(store: SessionStore, secretHash: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const current = await store.find('id', true);
    assert.ok(current, 'the record is gone');
    const next = record({ secretHash, data: { count: countIn(current) + 1 } as object });
    if (await store.replace(next, current.version)) {
      return;
    }
  }
  assert.fail('replace failed 100 times, although only 99 others try');
}

function countIn({ session }: SessionRecord): number {
  return (session.data as { count: number }).count;
}
