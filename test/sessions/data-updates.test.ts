import t, { type Test } from 'tap';
import { AuthFailure } from '../../src/sessions/auth-failure.ts';
import { DataUpdates } from '../../src/sessions/data-updates.ts';
import type { Session } from '../../src/sessions/session.ts';
import type { StoredData } from '../../src/sessions/session-data.ts';
import type { SessionStore } from '../../src/sessions/session-store.ts';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { fakeClock, record, stubStore } from '../helpers/service.ts';

type Counter = StoredData & { n?: number };
const increment = (data: Counter) => ({ ...data, n: (data.n ?? 0) + 1 });

function setUp(t: Test) {
  const clock = fakeClock();
  const store = new MemorySessionStore({ clock });
  t.teardown(() => store.close());
  store.create(record());
  return { clock, store, updates: new DataUpdates(store, clock) };
}

/** The store at the end of a network: each call takes some turns of the event loop. */
function distant(store: MemorySessionStore, calls: string[] = []): SessionStore {
  const later = async <T>(name: string, call: () => T) => {
    calls.push(name);
    await new Promise(setImmediate);
    const answer = call();
    await new Promise(setImmediate);
    return answer;
  };
  return stubStore(store, {
    find: (id) => later('find', () => store.find(id)),
    replace: (next, expectedVersion) => later('replace', () => store.replace(next, expectedVersion)),
  });
}

t.test('of 100 concurrent increments none is lost, with a few operations of the store', async (t) => {
  const { clock, store } = setUp(t);
  const calls: string[] = [];
  const updates = new DataUpdates(distant(store, calls), clock);
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => updates.update('id', increment)));
  t.same(store.find('id')?.session.data, { n: 100 });
  t.same((outcomes[99] as Session).data, { n: 100 });
  t.same(calls, ['find', 'replace', 'find', 'replace'], 'the first alone, the others together');
});

t.test('of the increments of ten processes none is lost', async (t) => {
  const { clock, store } = setUp(t);
  const processes = Array.from({ length: 10 }, () => new DataUpdates(distant(store), clock));
  const all = Array.from({ length: 100 }, (_, i) => processes[i % 10]?.update('id', increment));
  await Promise.all(all);
  t.same(store.find('id')?.session.data, { n: 100 });
});

t.test('a change that throws, or whose data is refused, fails alone', async (t) => {
  const { store, updates } = setUp(t);
  const outcomes = await Promise.allSettled([
    updates.update('id', increment),
    updates.update('id', () => {
      throw new Error('from the app');
    }),
    updates.update('id', () => ({ now: new Date() }) as object),
    updates.update('id', () => undefined as never),
    updates.update('id', increment),
  ]);
  t.match(outcomes, [
    { status: 'fulfilled' },
    { reason: { message: 'from the app' } },
    { reason: { message: /^data\.now cannot be kept/ } },
    { reason: { message: /must be a plain object/ } },
    { status: 'fulfilled' },
  ]);
  t.same(store.find('id')?.session.data, { n: 2 });
});

t.test('a session that has ended is not changed, and does not come back', async (t) => {
  const { clock, store, updates } = setUp(t);
  const ended = (await updates.update('other', increment)) as AuthFailure;
  t.ok(ended instanceof AuthFailure);
  t.equal(ended.reason, 'unknown session');
  const racing = stubStore(store, {
    replace: (next, expectedVersion) => store.remove('id') && store.replace(next, expectedVersion),
  });
  t.match(await new DataUpdates(racing, clock).update('id', increment), { reason: 'unknown session' });
  t.equal(store.find('id'), undefined);
  store.create(record());
  clock.advance(120_000);
  t.match(await updates.update('id', increment), { reason: 'expired' });
});

t.test('a store that fails rejects every change that waits, and the next one is tried', async (t) => {
  const { clock, store } = setUp(t);
  let isDown = true;
  const failing = stubStore(store, {
    find: async (id) => {
      if (isDown) {
        throw new Error('down');
      }
      return store.find(id);
    },
  });
  const updates = new DataUpdates(failing, clock);
  const outcomes = await Promise.allSettled(Array.from({ length: 3 }, () => updates.update('id', increment)));
  t.match(
    outcomes,
    Array.from({ length: 3 }, () => ({ reason: { message: 'down' } })),
  );
  isDown = false;
  t.match(await updates.update('id', increment), { data: { n: 1 } });
});

t.test('if every change fails, nothing is written', async (t) => {
  const { clock, store } = setUp(t);
  const updates = new DataUpdates(stubStore(store, { replace: () => t.fail('a write') }), clock);
  const thrown = updates.update('id', () => {
    throw undefined;
  });
  await t.rejects(
    thrown.catch(() => Promise.reject(new Error('thrown'))),
    { message: 'thrown' },
  );
});
