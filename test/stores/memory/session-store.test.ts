import { spawnSync } from 'node:child_process';
import { mock } from 'node:test';
import t, { type Test } from 'tap';
import { StoreFull } from '../../../src/errors.ts';
import { testSessionStore } from '../../../src/exports/testing.ts';
import { MemorySessionStore, type MemorySessionStoreOptions } from '../../../src/stores/memory/session-store.ts';
import { NODE_ARGUMENTS } from '../../helpers/server-process.ts';
import { fakeClock, owner, record, version } from '../../helpers/service.ts';

function open(t: Test, options: MemorySessionStoreOptions = {}) {
  const store = new MemorySessionStore(options);
  t.teardown(() => store.close());
  return store;
}

t.test('conformance', (t) => testSessionStore(t.test, () => new MemorySessionStore()));

t.test('past its bound it takes no more and drops no live session', async (t) => {
  const clock = fakeClock();
  const store = open(t, { maxSessions: 2, clock });
  store.create(record({ id: 'a', expiresAt: clock() + 1500 }));
  store.create(record({ id: 'b' }));
  t.throws(() => store.create(record({ id: 'c' })), StoreFull);
  t.equal(store.create(record({ id: 'a' })), false, 'a taken id is a taken id, full or not');
  t.equal(store.replace(record({ id: 'b', secretHash: 'next' }), version('hash')), true, 'refreshing needs no room');
  clock.advance(1499);
  t.throws(() => store.create(record({ id: 'c' })), StoreFull);
  clock.advance(1);
  t.equal(store.create(record({ id: 'c' })), true, 'an expired session gives its place up at once');
  t.strictSame([store.find('a'), store.size], [undefined, 2]);
  t.throws(() => store.create(record({ id: 'd' })), StoreFull);
});

t.test('expired records are removed within five seconds, in steps, and live ones stay', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const clock = fakeClock();
  const store = open(t, { clock });
  for (let i = 0; i < 1200; i++) {
    store.create(record({ id: `short ${i}`, expiresAt: clock() + 1000 }));
  }
  store.create(record({ id: 'refreshed', expiresAt: clock() + 1000 }));
  store.replace(record({ id: 'refreshed' }), version('hash'));
  clock.advance(999);
  mock.timers.tick(5000);
  await turns(20);
  t.equal(store.size, 1201);

  clock.advance(1);
  mock.timers.tick(4999);
  await turns(20);
  t.equal(store.size, 1201);
  mock.timers.tick(1);
  t.ok(store.size > 1, 'one step does not remove them all');
  await turns(20);
  t.equal(store.size, 1, 'the next steps do not wait for the next interval');
  t.equal(store.listByUser(owner('user1')).length, 1);
});

/** Lets the event loop turn. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await new Promise(setImmediate);
  }
}

t.test('it keeps no process alive', async (t) => {
  const module = new URL('../../../src/stores/memory/session-store.ts', import.meta.url);
  const code = `import { MemorySessionStore } from '${module}'; new MemorySessionStore();`;
  const args = [...NODE_ARGUMENTS, '--input-type=module', '--eval', code];
  t.equal(spawnSync(process.execPath, args, { timeout: 20_000 }).status, 0);
});

t.test('a store that is closed during a sweep is empty, and the sweep ends', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const store = open(t);
  for (let i = 0; i < 1000; i++) {
    store.create(record({ id: `session ${i}`, expiresAt: 1 }));
  }
  mock.timers.tick(5000);
  t.equal(store.size, 500);
  store.close();
  await turns(5);
  t.equal(store.size, 0);
});

t.test('a sweep that takes longer than the interval is not started twice', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const clock = fakeClock();
  const store = open(t, { clock });
  for (let i = 0; i < 2000; i++) {
    store.create(record({ id: `session ${i}`, expiresAt: clock() }));
  }
  mock.timers.tick(20_000);
  t.equal(store.size, 1500, 'four intervals, one step');
  await turns(10);
  t.equal(store.size, 0);
});

t.test('a full store looks at all of its records at most once a second', async (t) => {
  const clock = fakeClock();
  const store = open(t, { maxSessions: 2, clock });
  store.create(record({ id: 'a', expiresAt: clock() }));
  store.create(record({ id: 'b', expiresAt: clock() + 1 }));
  t.equal(store.create(record({ id: 'c' })), true);
  clock.advance(999);
  t.throws(() => store.create(record({ id: 'd' })), StoreFull, 'b has expired since the last look');
  clock.advance(1);
  t.equal(store.create(record({ id: 'd' })), true);
});

t.test('options that make no sense are refused', async (t) => {
  for (const maxSessions of [0, Number.NaN, 17_000_000, '5' as never]) {
    t.throws(() => new MemorySessionStore({ maxSessions }), { message: /^MemorySessionStore: maxSessions is/ });
  }
});
