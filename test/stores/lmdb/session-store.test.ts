import { mock } from 'node:test';
import t, { type Test } from 'tap';
import { testSessionStore } from '../../../src/exports/testing.ts';
import type { SessionRecord } from '../../../src/sessions/session.ts';
import { LmdbEnvironment } from '../../../src/stores/lmdb/environment.ts';
import { LmdbSessionStore, type LmdbSessionStoreOptions } from '../../../src/stores/lmdb/session-store.ts';
import { fakeClock, owner, record, version } from '../../helpers/service.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';

function open(t: Test, options: LmdbSessionStoreOptions = {}, path = t.testdir({})) {
  const environment = new LmdbEnvironment(path);
  const store = new LmdbSessionStore(environment, options);
  t.teardown(() => store.close());
  return { store, environment, path };
}

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) {
    await new Promise(setImmediate);
  }
};

async function countOf(store: LmdbSessionStore): Promise<number> {
  let count = 0;
  for await (const _ of store.list()) {
    count++;
  }
  return count;
}

t.test('conformance', (t) => testSessionStore(t.test, () => open(t, {}, temporaryDirectory(t)).store));

t.test('find returns without a promise', async (t) => {
  const { store } = open(t);
  await store.create(record());
  t.same(store.find('id'), record());
});

t.test('removeByUser does not depend on what was read before', async (t) => {
  const { store, environment } = open(t);
  const { session } = record({ namespace: 'admin area' });
  await store.create(record({ namespace: 'admin area' }));
  // The buffer in which lmdb returns a key then holds, after the key of the owner, what looks like a part of a number.
  const keys = environment.index<string>('keys');
  await environment.write(() => {
    keys.put(`${'a'.repeat(22)}\x12${'a'.repeat(40)}`, 'value');
  });
  environment.read(() => [...keys.getRange()]);
  t.equal(await store.removeByUser(session), 1);
});

t.test('records are there when the database is opened again', async (t) => {
  const { store, path } = open(t);
  await store.create(record());
  await store.create(record({ id: 'other' }));
  await store.remove('other');
  await store.close();
  const { store: again } = open(t, {}, path);
  t.same(again.find('id'), record());
  t.equal(again.find('other'), undefined);
});

t.test('expired records are swept in steps, and refreshed ones stay', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const clock = fakeClock();
  const { store } = open(t, { clock });
  const short = Array.from({ length: 350 }, (_, i) => record({ id: `short-${i}`, expiresAt: clock() + 1000 }));
  await Promise.all(short.map((one) => store.create(one)));
  await store.create(record({ id: 'refreshed', expiresAt: clock() + 1000 }));
  await store.replace(record({ id: 'refreshed', secretHash: 'next' }), version('hash'));
  await store.create(record({ id: 'live' }));
  clock.advance(999);
  mock.timers.tick(1000);
  await turns(50);
  t.equal(await countOf(store), 352);
  clock.advance(1);
  mock.timers.tick(1000);
  while ((await countOf(store)) > 2) {
    await turns(1);
  }
  t.same((await store.listByUser(owner('user1'))).map(({ session }) => session.id).sort(), ['live', 'refreshed']);
});

t.test('a sweep ends although the index has keys without a record, and removes them', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const clock = fakeClock();
  const { store, environment } = open(t, { clock });
  const byExpiry = environment.index<number>('sessions-by-expiry');
  await environment.write(() => {
    for (let i = 0; i < 250; i++) {
      byExpiry.put(clock(), `missing-${i}`);
    }
  });
  const count = () => environment.read(() => [...byExpiry.getRange()].length);
  mock.timers.tick(1000);
  // A sweep that takes longer than a second is not joined by another one.
  mock.timers.tick(1000);
  while (count() > 0) {
    await turns(1);
  }
  await store.create(record({ expiresAt: clock() }));
  await turns(20);
  mock.timers.tick(1000);
  while (count() > 0) {
    await turns(1);
  }
  t.equal(await countOf(store), 0);
});

t.test('a sweep of a closed store does not crash', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const { store, environment } = open(t);
  await environment.close();
  mock.timers.tick(1000);
  await turns(10);
  t.throws(() => store.find('id'), { message: 'the LMDB store is closed' });
});

t.test('a record that is refreshed during the sweep is not swept', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const clock = fakeClock();
  const { store } = open(t, { clock });
  await store.create(record({ expiresAt: clock() }));
  const refreshing = store.replace(record({ secretHash: 'next' }), version('hash'));
  mock.timers.tick(1000);
  t.equal(await refreshing, true);
  await turns(50);
  t.same(store.find('id'), record({ secretHash: 'next' }));
});

t.test('a session with a newer schema is not read, but it can be listed and ended, and it expires', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const clock = fakeClock();
  const { store } = open(t, { clock });
  const create = (id: string, expiresAt: number) =>
    store.create({ ...record({ id, expiresAt }), schema: 4 } as unknown as SessionRecord);
  await create('one', clock() + 60_000);
  await create('two', clock() + 60_000);
  await create('expired', clock());
  const message = /newer version \(schema 4\)/;
  t.throws(() => store.find('one'), { message });
  t.match(store.listByUser(owner('user1')), [{ schema: 4, session: { id: 'expired' } }, { schema: 4 }, { schema: 4 }]);
  t.equal(await countOf(store), 3);
  mock.timers.tick(1000);
  // The sweep was queued before this removal.
  t.equal(await store.remove('expired'), false);
  t.equal(await store.remove('one'), true);
  t.equal(await store.removeByUser(owner('user1'), 'other'), 1);
  t.same(store.listByUser(owner('user1')), []);
});

t.test('a session of an earlier version is found, listed, refreshed and ended', async (t) => {
  const { store, environment } = open(t);
  const { bound: _, namespace: __, userId: ___, data: ____, ...session } = record().session;
  const stored = { schema: 1, session, secretHash: 'hash', replaced: [] };
  await environment.write(() => {
    environment.table('sessions').put('id', stored);
    environment.index('sessions-by-user').put('user1', 'id');
    environment.index('sessions-by-expiry').put(session.expiresAt, 'id');
    return true;
  });
  const expected = { ...record(), version: 'hash' };
  t.same(store.find('id'), expected);
  t.same(store.listByUser(owner('user1')), [expected]);
  t.equal(await store.replace(record({ secretHash: 'next' }), 'hash'), true);
  t.same(store.find('id'), record({ secretHash: 'next' }));
  t.equal(await store.removeByUser(owner('user1')), 1);
  t.same(store.listByUser(owner('user1')), []);
});
