import { spawnSync } from 'node:child_process';
import { mock } from 'node:test';
import t, { type Test } from 'tap';
import { StoreFull } from '../../../src/errors.ts';
import {
  MemorySessionStore,
  type MemorySessionStoreOptions,
} from '../../../src/stores/memory/session-store.ts';
import { fakeClock, record } from '../../helper.ts';

function open(t: Test, options: MemorySessionStoreOptions = {}) {
  const store = new MemorySessionStore(options);
  t.teardown(() => store.close());
  return store;
}

t.test('a record is found as it was created, and created once', async (t) => {
  const store = open(t);
  t.equal(store.create(record()), true);
  t.equal(store.create(record({ username: 'thief' })), false);
  t.same(store.find('id'), record());
  t.equal(store.find('other'), undefined);
});

t.test('replace changes the record it names and no other version of it', async (t) => {
  const store = open(t);
  store.create(record());
  const next = record({ secretHash: 'next', expiresAt: 5 });
  t.equal(store.replace(next, 'wrong'), false);
  t.same(store.find('id'), record());
  t.equal(store.replace(next, 'hash'), true);
  t.same(store.find('id'), next);
  t.equal(store.replace(next, 'hash'), false);
});

t.test('what is removed stays removed, whatever is written to it', async (t) => {
  const store = open(t);
  store.create(record());
  t.equal(store.remove('id'), true);
  t.equal(store.remove('id'), false);
  t.equal(store.replace(record({ secretHash: 'next' }), 'hash'), false);
  t.equal(store.find('id'), undefined);
});

t.test("a user's sessions are listed and removed, but for the one to keep", async (t) => {
  const store = open(t);
  store.create(record({ id: 'a' }));
  store.create(record({ id: 'b' }));
  store.create(record({ id: 'c', username: '__proto__' }));
  store.replace(record({ id: 'b', secretHash: 'next' }), 'hash');
  t.same(
    store
      .listByUser('user1')
      .map(({ id }) => id)
      .sort(),
    ['a', 'b'],
  );
  t.same(store.listByUser('nobody'), []);
  t.equal(store.removeByUser('user1', 'b'), 1);
  t.same(store.listByUser('user1'), [record({ id: 'b', secretHash: 'next' })]);
  t.equal(store.removeByUser('user1'), 1);
  t.equal(store.removeByUser('user1'), 0);
  t.same(store.listByUser('__proto__'), [record({ id: 'c', username: '__proto__' })]);
});

t.test('records are values: changing one outside changes nothing inside', async (t) => {
  const store = open(t);
  const given = { ...record() };
  store.create(given);
  given.username = 'thief';
  t.equal(store.find('id')?.username, 'user1');
  t.throws(() => Object.assign(store.find('id') ?? {}, { username: 'thief' }), TypeError);
  t.equal(store.find('id')?.username, 'user1');
});

t.test('past its bound it takes no more and drops no live session', async (t) => {
  const clock = fakeClock();
  const store = open(t, { maxSessions: 2, clock });
  store.create(record({ id: 'a', expiresAt: clock() + 1500 }));
  store.create(record({ id: 'b' }));
  t.throws(() => store.create(record({ id: 'c' })), StoreFull);
  t.equal(store.create(record({ id: 'a' })), false, 'a taken id is a taken id, full or not');
  t.equal(store.replace(record({ id: 'b', secretHash: 'next' }), 'hash'), true, 'refreshing needs no room');
  clock.advance(1499);
  t.throws(() => store.create(record({ id: 'c' })), StoreFull);
  clock.advance(1);
  t.equal(store.create(record({ id: 'c' })), true, 'an expired session gives its place up at once');
  t.strictSame([store.find('a'), store.size], [undefined, 2]);
});

t.test('expired records are swept within a second, a part at a time, and live ones stay', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const clock = fakeClock();
  const store = open(t, { clock });
  for (let i = 0; i < 1200; i++) {
    store.create(record({ id: `short ${i}`, expiresAt: clock() + 1000 }));
  }
  store.create(record({ id: 'refreshed', expiresAt: clock() + 1000 }));
  store.replace(record({ id: 'refreshed' }), 'hash');
  clock.advance(999);
  mock.timers.tick(1000);
  t.equal(store.size, 1201);

  clock.advance(1);
  mock.timers.tick(999);
  t.equal(store.size, 1201);
  mock.timers.tick(1);
  t.ok(store.size > 1, 'one step does not take them all');
  for (let turn = 0; turn < 20; turn++) {
    await new Promise(setImmediate);
  }
  t.equal(store.size, 1, 'the next steps come without waiting for another second');
  t.equal(store.listByUser('user1').length, 1);
});

t.test('it keeps no process alive', async (t) => {
  const module = new URL('../../../src/stores/memory/session-store.ts', import.meta.url);
  const code = `import { MemorySessionStore } from '${module}'; new MemorySessionStore();`;
  const args = [...process.execArgv, '--input-type=module', '--eval', code];
  t.equal(spawnSync(process.execPath, args, { timeout: 20_000 }).status, 0);
});

t.test('a closed store lets go of everything and answers nothing', async (t) => {
  const store = open(t);
  store.create(record());
  store.close();
  store.close();
  t.equal(store.size, 0);
  const calls = [
    () => store.create(record()),
    () => store.find('id'),
    () => store.replace(record(), 'hash'),
    () => store.remove('id'),
    () => store.listByUser('user1'),
    () => store.removeByUser('user1'),
  ];
  for (const call of calls) {
    t.throws(call, { message: 'the session store is closed' });
  }
});
