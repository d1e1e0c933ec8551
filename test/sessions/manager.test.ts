import t, { type Test } from 'tap';
import { StoreUnavailable } from '../../src/errors.ts';
import { type IssuedSession, type Refusal, SessionManager } from '../../src/sessions/manager.ts';
import { formatToken, mintToken } from '../../src/sessions/token.ts';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { doctored, fakeClock } from '../helper.ts';

const IDLE_MS = 120_000;
const MAX_MS = 300_000;

function setUp(t: Test) {
  const clock = fakeClock();
  const store = new MemorySessionStore({ clock });
  t.teardown(() => store.close());
  const manager = new SessionManager(store, clock, { idleSeconds: 120, maxSeconds: 300 });
  return { clock, store, manager };
}

function issued(outcome: IssuedSession | Refusal): IssuedSession {
  if (typeof outcome === 'string') {
    throw new Error(`refused: ${outcome}`);
  }
  return outcome;
}

t.test('a session starts with both deadlines set from the clock', async (t) => {
  const { clock, manager } = setUp(t);
  const { session, token } = issued(await manager.start('user1'));
  t.same(session, {
    id: token.split('.')[0],
    username: 'user1',
    createdAt: clock(),
    authenticatedAt: clock(),
    expiresAt: clock() + IDLE_MS,
    endsAt: clock() + MAX_MS,
  });
});

t.test('an idle lifetime beyond the absolute one ends with it', async (t) => {
  const { clock, store } = setUp(t);
  const manager = new SessionManager(store, clock, { idleSeconds: 120, maxSeconds: 60 });
  const { session } = issued(await manager.start('user1'));
  t.equal(session.expiresAt, clock() + 60_000);
});

t.test('the store holds a hash and never the secret', async (t) => {
  const { store, manager } = setUp(t);
  const { session, token } = issued(await manager.start('user1'));
  t.notMatch(JSON.stringify(store.find(session.id)), token.split('.')[1]);
});

t.test('a token opens its session, and nothing else does', async (t) => {
  const { clock, manager } = setUp(t);
  const { session, token } = issued(await manager.start('user1'));
  t.same(await manager.authenticate(token), session);
  t.equal(await manager.authenticate('garbage'), 'malformed token');
  t.equal(await manager.authenticate(formatToken(mintToken())), 'unknown session');
  t.equal(await manager.authenticate(formatToken(mintToken(session.id))), 'wrong secret');
  clock.advance(IDLE_MS - 1);
  t.same(await manager.authenticate(token), session);
  clock.advance(1);
  t.equal(await manager.authenticate(token), 'expired');
});

t.test('a refresh keeps the id, moves the idle deadline and kills the old token', async (t) => {
  const { clock, manager } = setUp(t);
  const first = issued(await manager.start('user1'));
  clock.advance(60_000);
  const second = issued(await manager.refresh(first.token));
  t.same(second.session, { ...first.session, expiresAt: clock() + IDLE_MS });
  t.same(await manager.authenticate(second.token), second.session);
  t.equal(await manager.authenticate(first.token), 'wrong secret');
  t.equal(await manager.refresh(first.token), 'wrong secret');
});

t.test('however often it is refreshed, a session ends at its absolute deadline', async (t) => {
  const { clock, manager } = setUp(t);
  let current = issued(await manager.start('user1'));
  for (let elapsed = 0; elapsed < MAX_MS - 60_000; elapsed += 60_000) {
    clock.advance(60_000);
    current = issued(await manager.refresh(current.token));
    t.ok(current.session.expiresAt <= current.session.endsAt);
  }
  t.equal(current.session.expiresAt, current.session.endsAt);
  clock.advance(59_999);
  t.type(await manager.authenticate(current.token), 'object');
  clock.advance(1);
  t.equal(await manager.authenticate(current.token), 'expired');
  t.equal(await manager.refresh(current.token), 'expired');
});

t.test('of 100 concurrent refreshes with one token, one succeeds', async (t) => {
  const { store, manager } = setUp(t);
  const { token } = issued(await manager.start('user1'));
  // Every refresh reads before any writes, as with a store on the network.
  const slow = doctored(store, {
    find: async (id) => {
      const found = store.find(id);
      await new Promise(setImmediate);
      return found;
    },
  });
  const racing = new SessionManager(slow, fakeClock(), { idleSeconds: 120, maxSeconds: 300 });
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => racing.refresh(token)));
  const winners = outcomes.filter((outcome) => typeof outcome === 'object');
  t.equal(winners.length, 1);
  t.equal(outcomes.filter((outcome) => outcome === 'refreshed elsewhere').length, 99);
  t.type(await manager.authenticate(issued(winners[0] as IssuedSession).token), 'object');
});

t.test('an ended session is gone, and ending it again says so', async (t) => {
  const { store, manager } = setUp(t);
  const { session, token } = issued(await manager.start('user1'));
  t.same(await manager.end(token), session);
  t.equal(store.size, 0);
  t.equal(await manager.authenticate(token), 'unknown session');
  t.equal(await manager.end(token), 'unknown session');
});

t.test('a wrong secret ends nothing', async (t) => {
  const { manager } = setUp(t);
  const { session, token } = issued(await manager.start('user1'));
  t.equal(await manager.end(formatToken(mintToken(session.id))), 'wrong secret');
  t.type(await manager.authenticate(token), 'object');
});

t.test('starting a session ends those that came with the request, and only those', async (t) => {
  const { store, manager } = setUp(t);
  const mine = issued(await manager.start('user1'));
  const elsewhere = issued(await manager.start('user1'));
  const next = issued(
    await manager.start('user2', [mine.token, 'garbage', formatToken(mintToken(elsewhere.session.id))]),
  );
  t.not(next.session.id, mine.session.id);
  t.equal(await manager.authenticate(mine.token), 'unknown session');
  t.type(await manager.authenticate(elsewhere.token), 'object');
  t.equal(store.size, 2);
});

t.test(
  'a start that cannot end the old session leaves the old one alone and no new one behind',
  async (t) => {
    const { clock, store, manager } = setUp(t);
    const { token } = issued(await manager.start('user1'));
    const failing = doctored(store, {
      find: () => {
        throw new Error('down');
      },
    });
    const broken = new SessionManager(failing, clock, { idleSeconds: 120, maxSeconds: 300 });
    await t.rejects(broken.start('user1', [token]), { message: 'down' });
    t.equal(store.size, 1);
    t.type(await manager.authenticate(token), 'object');
  },
);

t.test('a store that says a random id is taken is a store that failed', async (t) => {
  const { clock, store } = setUp(t);
  const full = doctored(store, { create: () => false });
  const manager = new SessionManager(full, clock, { idleSeconds: 120, maxSeconds: 300 });
  await t.rejects(manager.start('user1'), StoreUnavailable);
});
