import { runInNewContext } from 'node:vm';
import t from 'tap';
import { StoreFull, StoreUnavailable } from '../../src/errors.ts';
import type { SessionStore } from '../../src/sessions/session-store.ts';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { timeBound, timeBoundSessionStore, timeBoundUserStore } from '../../src/stores/time-bound.ts';
import { newUser, type UserRecord } from '../../src/users/user-store.ts';
import { owner, record, spyStore, version } from '../helpers/service.ts';

t.test('what answers at once still answers at once', async (t) => {
  t.equal(timeBound(10, (n: number) => n + 1)(1), 2);
});

t.test('a later answer is passed on', async (t) => {
  t.equal(await timeBound(1000, async (n: number) => n + 1)(1), 2);
});

t.test('a promise that is not of our making is bounded like one that is', async (t) => {
  const foreign: Promise<number> = runInNewContext('Promise.resolve(2)');
  t.notOk(foreign instanceof Promise);
  t.equal(await timeBound(1000, () => foreign)(), 2);
  const silent: Promise<number> = runInNewContext('new Promise(() => {})');
  await t.rejects(async () => timeBound(5, () => silent)(), { code: 'STORE_UNAVAILABLE' });
});

t.test('a throw and a rejection are the store being unavailable, with the reason as the cause', async (t) => {
  const cause = new Error('connection refused');
  const throws = timeBound(1000, () => {
    throw cause;
  });
  t.throws(throws, { code: 'STORE_UNAVAILABLE', statusCode: 503, cause, headers: { 'retry-after': '1' } });
  await t.rejects(async () => timeBound(1000, () => Promise.reject(cause))(), new StoreUnavailable({ cause }));
});

t.test('no answer in time is the store being unavailable, and a late failure is nobody’s crash', async (t) => {
  // Waits for real: the bound is a timer of this process and not a moment of the sessions' clock.
  let fail: (reason: Error) => void = () => {};
  const never = timeBound(5, () => new Promise((_, reject) => (fail = reject)));
  await t.rejects(async () => never(), { code: 'STORE_UNAVAILABLE', cause: { message: /within 5 ms/ } });
  fail(new Error('too late'));
  await new Promise(setImmediate);
});

t.test('a full store says so itself', async (t) => {
  const full = timeBound(1000, () => {
    throw new StoreFull();
  });
  t.throws(full, StoreFull);
});

t.test('a session store is bounded in all of its methods', async (t) => {
  const { store, calls } = spyStore(t);
  const bound = timeBoundSessionStore(store, 1000);
  t.equal(await bound.create(record()), true);
  t.same(await bound.find('id'), record());
  t.equal(await bound.replace(record(), version('hash')), true);
  t.same(await bound.listByUser(owner('user1')), [record()]);
  t.equal(await bound.removeByUser(owner('user1'), 'id'), 0);
  t.equal(await bound.remove('id'), true);
  t.equal(await bound.ping(), undefined);
  t.ok(Math.abs((bound.now as () => number)() - Date.now()) < 1000, 'without a clock of its own');
  t.same([...(bound.list() as Iterable<unknown>)], []);
  await bound.close();
  const methods = ['create', 'find', 'replace', 'listByUser', 'removeByUser', 'remove', 'ping', 'list', 'close'];
  t.same(calls, methods);

  const broken = timeBoundSessionStore({} as SessionStore, 1000);
  for (const method of ['create', 'find', 'replace', 'remove', 'listByUser', 'removeByUser', 'ping'] as const) {
    t.throws(() => (broken[method] as () => unknown)(), StoreUnavailable, method);
  }
});

t.test('so is a store of users', async (t) => {
  const store = new MemoryUserStore();
  const bound = timeBoundUserStore(store, 1000);
  const ann = newUser('ann', '$hash');
  t.equal(await bound.create(ann), true);
  t.same(await bound.find('ann'), ann);
  t.equal(await bound.replace({ ...ann, disabled: true }, ann.version), true);
  t.same([...(bound.list() as Iterable<UserRecord>)], [{ ...ann, disabled: true }]);
  t.equal(await bound.remove('ann'), true);
  await bound.close();
  for (const method of ['create', 'find', 'replace', 'remove'] as const) {
    t.throws(() => (bound[method] as (user: UserRecord) => unknown)(ann), StoreUnavailable, method);
  }
});
