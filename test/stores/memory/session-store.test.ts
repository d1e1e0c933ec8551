import { spawnSync } from 'node:child_process';
import { mock } from 'node:test';
import t, { type Test } from 'tap';
import { StoreFull } from '../../../src/errors.ts';
import {
  MemorySessionStore,
  type MemorySessionStoreOptions,
} from '../../../src/stores/memory/session-store.ts';
import { fakeClock, record } from '../../helper.ts';
import { sessionStoreConformance } from '../conformance.ts';

function open(t: Test, options: MemorySessionStoreOptions = {}) {
  const store = new MemorySessionStore(options);
  t.teardown(() => store.close());
  return store;
}

t.test('conformance', (t) => sessionStoreConformance(t, () => new MemorySessionStore()));

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

t.test('a closed store lets go of everything', async (t) => {
  const store = open(t);
  store.create(record());
  store.close();
  t.equal(store.size, 0);
});
