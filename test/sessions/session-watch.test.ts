import { once } from 'node:events';
import t, { type Test } from 'tap';
import { SessionWatch } from '../../src/sessions/session-watch.ts';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { keepAlive } from '../helpers/keep-alive.ts';
import { fakeClock, owner, record, stubStore } from '../helpers/service.ts';

function setUp(t: Test, methods: { find?: MemorySessionStore['find'] } = {}) {
  const clock = fakeClock();
  const store = new MemorySessionStore({ clock });
  const errors: object[] = [];
  const watch = new SessionWatch(stubStore(store, methods), clock, { error: (details) => errors.push(details) });
  t.teardown(() => {
    watch.close();
    store.close();
  });
  const add = (id: string, username = 'ann') => {
    const { session } = record({ id, username });
    store.create(record({ id, username }));
    return session;
  };
  return { clock, store, watch, errors, add };
}

t.test('each listener is called once, when its session has ended', async (t) => {
  const { store, watch, add } = setUp(t);
  const calls: string[] = [];
  const session = add('one');
  watch.watch(session, () => calls.push('first'));
  watch.watch(session, () => calls.push('second'));
  watch.watch(add('other'), () => calls.push('other'));
  await watch.checkAll();
  t.same(calls, []);
  store.remove('one');
  await watch.checkAll();
  await watch.checkAll();
  t.same(calls, ['first', 'second']);
});

t.test('a session that passes its deadline has ended, and a renewed one has not', async (t) => {
  const { clock, store, watch, add } = setUp(t);
  const calls: string[] = [];
  watch.watch(add('idle'), () => calls.push('idle'));
  watch.watch(add('renewed'), () => calls.push('renewed'));
  const renewed = record({ id: 'renewed', username: 'ann', expiresAt: clock() + 240_000 });
  store.replace(renewed, renewed.version);
  clock.advance(120_000);
  await watch.checkAll();
  t.same(calls, ['idle']);
});

t.test('the sessions of one user, or one session, are checked alone', async (t) => {
  const { store, watch, add } = setUp(t);
  const calls: string[] = [];
  for (const [id, username] of [
    ['anns', 'ann'],
    ['bobs', 'bob'],
    ['carols', 'carol'],
  ]) {
    watch.watch(add(id as string, username), () => calls.push(id as string));
    store.remove(id as string);
  }
  await watch.checkSessionsOf(owner('ann'));
  t.same(calls, ['anns']);
  await watch.checkSessionsOf({ ...owner('bob'), namespace: 'another area' });
  await watch.checkSession('unknown');
  t.same(calls, ['anns']);
  await watch.checkSession('bobs');
  t.same(calls, ['anns', 'bobs']);
});

t.test('a listener that was removed is not called', async (t) => {
  const { store, watch, add } = setUp(t);
  const calls: string[] = [];
  const session = add('one');
  const stop = watch.watch(session, () => calls.push('first'));
  watch.watch(session, () => calls.push('second'))();
  stop();
  stop();
  store.remove('one');
  await watch.checkAll();
  t.same(calls, []);
});

t.test('a listener that fails is logged, and the others are called', async (t) => {
  const { store, watch, errors, add } = setUp(t);
  const calls: string[] = [];
  const session = add('one');
  watch.watch(session, () => {
    throw new Error('from the app');
  });
  watch.watch(session, async () => {
    throw new Error('later');
  });
  watch.watch(session, () => calls.push('third'));
  store.remove('one');
  await watch.checkAll();
  t.same(calls, ['third']);
  t.match(errors, [{ err: { message: 'from the app' } }, { err: { message: 'later' } }]);
});

t.test('sessions that cannot be read keep no others from being checked', async (t) => {
  const { store, watch, add } = setUp(t, {
    find: (id) => {
      if (id === 'broken') {
        throw new Error('a record that cannot be read');
      }
      return store.find(id);
    },
  });
  const calls: string[] = [];
  watch.watch(add('broken'), () => calls.push('broken'));
  for (let i = 0; i < 200; i++) {
    watch.watch(add(`live-${i}`), () => calls.push('live'));
  }
  watch.watch(add('ended'), () => calls.push('ended'));
  store.remove('ended');
  await watch.checkAll();
  t.same(calls, ['ended']);
});

t.test('while the store fails, a session counts as live until its absolute deadline', async (t) => {
  const fail = () => {
    throw new Error('down');
  };
  const { clock, watch, add } = setUp(t, { find: fail });
  const calls: string[] = [];
  watch.watch(add('one'), () => calls.push('one'));
  clock.advance(43_199_999);
  await watch.checkAll();
  t.same(calls, []);
  clock.advance(1);
  await watch.checkAll();
  t.same(calls, ['one']);
});

t.test('an ending that nobody reports is found by itself, one after the other', async (t) => {
  const { store, watch, add } = setUp(t);
  keepAlive(t);
  const target = new EventTarget();
  for (const id of ['one', 'two']) {
    const told = once(target, id);
    watch.watch(add(id), () => target.dispatchEvent(new Event(id)));
    store.remove(id);
    await told;
  }
  t.pass('both listeners were called');
});

t.test('many sessions are looked up in batches, and a store that does not answer ends the pass', async (t) => {
  const calls: string[] = [];
  let isDown = false;
  const clock = fakeClock();
  const store = new MemorySessionStore({ clock });
  const find = (id: string) => {
    calls.push(id);
    if (isDown) {
      throw new Error('down');
    }
    return store.find(id);
  };
  const watch = new SessionWatch({ find }, clock, { error() {} });
  t.teardown(() => {
    watch.close();
    store.close();
  });
  const told: string[] = [];
  for (let i = 0; i < 250; i++) {
    const { session } = record({ id: `session-${i}` });
    store.create(record({ id: `session-${i}` }));
    watch.watch(session, () => told.push(session.id));
  }
  await watch.checkAll();
  t.equal(calls.length, 250);
  isDown = true;
  calls.length = 0;
  await watch.checkAll();
  t.equal(calls.length, 100);
  clock.advance(43_200_000);
  await watch.checkAll();
  t.equal(told.length, 250, 'all are past their absolute deadline');
});

t.test('a clock that fails ends no session and stops no check', async (t) => {
  const store = new MemorySessionStore();
  t.teardown(() => store.close());
  let fails = true;
  const clock = () => {
    if (fails) {
      throw new Error('no clock');
    }
    return record().session.createdAt;
  };
  const watch = new SessionWatch(store, clock, { error() {} });
  t.teardown(() => watch.close());
  const told: string[] = [];
  store.create(record());
  watch.watch(record().session, () => told.push('ended'));
  await watch.checkAll();
  await watch.checkSession('id');
  t.same(told, []);
  fails = false;
  store.remove('id');
  await watch.checkAll();
  t.same(told, ['ended']);
});
