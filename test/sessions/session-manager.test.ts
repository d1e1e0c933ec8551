import t, { type Test } from 'tap';
import { StoreUnavailable } from '../../src/errors.ts';
import { AuthFailure } from '../../src/sessions/auth-failure.ts';
import { MAX_TRIES } from '../../src/sessions/change-session.ts';
import type { Lifetimes } from '../../src/sessions/lifetimes.ts';
import { changedRecord, DEFAULT_NAMESPACE, type Session, type SessionRecord } from '../../src/sessions/session.ts';
import { SessionManager } from '../../src/sessions/session-manager.ts';
import type { SessionStore } from '../../src/sessions/session-store.ts';
import { formatToken, generateToken } from '../../src/sessions/token.ts';
import type { IssuedSession } from '../../src/sessions/token-rotation.ts';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import type { Clock } from '../../src/types.ts';
import { newDevice } from '../helpers/device.ts';
import { fakeClock, stubStore } from '../helpers/service.ts';

const IDLE_MS = 120_000;
const MAX_MS = 300_000;
const LIFETIMES = {
  idleSeconds: 120,
  boundIdleSeconds: 120,
  maxSeconds: 300,
  reuseWindowSeconds: 10,
  renewal: 'refresh',
} as const;
const CLIENT = { address: '192.0.2.1', device: 'Firefox on Linux' };

function newManager(store: SessionStore, clock: Clock, lifetimes: Lifetimes, offersBinding = false): SessionManager {
  const log = { warn() {} };
  return new SessionManager({ store, clock, namespace: DEFAULT_NAMESPACE, lifetimes, offersBinding, log });
}

function user(username: string) {
  return { userId: `id of ${username}`, username };
}

function setUp(t: Test) {
  const clock = fakeClock();
  const store = new MemorySessionStore({ clock });
  t.teardown(() => store.close());
  const manager = newManager(store, clock, LIFETIMES);
  return { clock, store, manager };
}

function issued(outcome: IssuedSession | Session | AuthFailure): IssuedSession {
  if (!('token' in outcome)) {
    throw new Error(`no token: ${JSON.stringify(outcome)}`);
  }
  return outcome;
}

/** Why it was refused, or that it was not. */
function reason(outcome: IssuedSession | Session | AuthFailure): string {
  return outcome instanceof AuthFailure ? outcome.reason : 'not refused';
}

t.test('a session starts with both deadlines set from the clock', async (t) => {
  const { clock, manager } = setUp(t);
  const { session, token } = await manager.create(user('user1'), CLIENT);
  t.same(session, {
    id: token.split('.')[0],
    namespace: DEFAULT_NAMESPACE,
    userId: 'id of user1',
    username: 'user1',
    createdAt: clock(),
    authenticatedAt: clock(),
    expiresAt: clock() + IDLE_MS,
    endsAt: clock() + MAX_MS,
    bound: false,
    ...CLIENT,
    data: {},
  });
});

t.test('an idle lifetime beyond the absolute one ends with it', async (t) => {
  const { clock, store } = setUp(t);
  const manager = newManager(store, clock, { ...LIFETIMES, maxSeconds: 60 });
  const { session } = await manager.create(user('user1'), CLIENT);
  t.equal(session.expiresAt, clock() + 60_000);
});

t.test('the store holds a hash and never the secret', async (t) => {
  const { store, manager } = setUp(t);
  const { session, token } = await manager.create(user('user1'), CLIENT);
  t.notMatch(JSON.stringify(store.find(session.id)), token.split('.')[1]);
});

t.test('a token opens its session, and nothing else does (ASVS 7.2.1)', async (t) => {
  const { clock, manager } = setUp(t);
  const { session, token } = await manager.create(user('user1'), CLIENT);
  t.same(await manager.authenticate(token), session);
  t.equal(reason(await manager.authenticate('garbage')), 'malformed token');
  t.equal(reason(await manager.authenticate(formatToken(generateToken()))), 'unknown session');
  t.equal(reason(await manager.authenticate(formatToken(generateToken(session.id)))), 'wrong secret');
  clock.advance(IDLE_MS - 1);
  t.same(await manager.authenticate(token), session);
  clock.advance(1);
  t.equal(reason(await manager.authenticate(token)), 'expired');
});

t.test('a refresh keeps the id, moves the idle deadline and kills the old token', async (t) => {
  const { clock, manager } = setUp(t);
  const first = await manager.create(user('user1'), CLIENT);
  clock.advance(60_000);
  const second = issued(await manager.refresh(first.token));
  t.same(second.session, { ...first.session, expiresAt: clock() + IDLE_MS });
  t.same(await manager.authenticate(second.token), second.session);
  t.equal(reason(await manager.authenticate(first.token)), 'replaced token');
  t.equal(reason(await manager.refresh(first.token)), 'replaced token');
});

t.test('a refresh that a registration overtakes needs a proof', async (t) => {
  const { clock, store } = setUp(t);
  const device = newDevice();
  let challenge: string | undefined;
  const racing = stubStore(store, {
    replace: async (next, expectedVersion) => {
      const proof = challenge && device.register(challenge);
      challenge = undefined;
      if (proof !== undefined) {
        t.match(await binding.bound.register(proof), { session: { bound: true } });
      }
      return store.replace(next, expectedVersion);
    },
  });
  const binding = newManager(racing, clock, LIFETIMES, true);
  const created = await binding.create(user('user1'), CLIENT);
  challenge = created.challenge;
  t.equal(reason(await binding.refresh(created.token)), 'no proof');
  t.equal(reason(await binding.authenticate(created.token)), 'not refused', 'it is still good');
});

t.test('however often it is refreshed, a session ends at its absolute deadline', async (t) => {
  const { clock, manager } = setUp(t);
  let current: IssuedSession = await manager.create(user('user1'), CLIENT);
  for (let elapsed = 0; elapsed < MAX_MS - 60_000; elapsed += 60_000) {
    clock.advance(60_000);
    current = issued(await manager.refresh(current.token));
    t.ok(current.session.expiresAt <= current.session.endsAt);
  }
  t.equal(current.session.expiresAt, current.session.endsAt);
  clock.advance(59_999);
  t.equal(reason(await manager.authenticate(current.token)), 'not refused');
  clock.advance(1);
  t.equal(reason(await manager.authenticate(current.token)), 'expired');
  t.equal(reason(await manager.refresh(current.token)), 'expired');
});

t.test('of 100 concurrent refreshes with one token, one succeeds', async (t) => {
  const { store, manager } = setUp(t);
  const { token } = await manager.create(user('user1'), CLIENT);
  // Every refresh reads before any writes, as with a store on the network.
  const slow = stubStore(store, {
    find: async (id) => {
      const found = store.find(id);
      await new Promise(setImmediate);
      return found;
    },
  });
  const racing = newManager(slow, fakeClock(), LIFETIMES);
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => racing.refresh(token)));
  const winners = outcomes.filter((outcome) => reason(outcome) === 'not refused');
  t.equal(winners.length, 1);
  t.equal(outcomes.filter((outcome) => reason(outcome) === 'refreshed elsewhere').length, 99);
  t.equal(reason(await manager.authenticate((winners[0] as IssuedSession).token)), 'not refused');
});

t.test('an ended session is gone, and ending it again says so', async (t) => {
  const { store, manager } = setUp(t);
  const { session, token } = await manager.create(user('user1'), CLIENT);
  t.same(await manager.end(token), session);
  t.equal(store.size, 0);
  t.equal(reason(await manager.authenticate(token)), 'unknown session');
  t.equal(reason(await manager.end(token)), 'unknown session');
});

t.test('a wrong secret ends nothing, nor does a text that is no token', async (t) => {
  const { manager } = setUp(t);
  const { session, token } = await manager.create(user('user1'), CLIENT);
  t.equal(reason(await manager.end(formatToken(generateToken(session.id)))), 'wrong secret');
  t.equal(reason(await manager.end('garbage')), 'malformed token');
  t.equal(reason(await manager.authenticate(token)), 'not refused');
});

t.test('a replaced token inside of the window is refused and harms nobody', async (t) => {
  const { clock, manager } = setUp(t);
  const first = await manager.create(user('user1'), CLIENT);
  const second = issued(await manager.refresh(first.token));
  clock.advance(10_000);
  t.equal(reason(await manager.authenticate(first.token)), 'replaced token');
  t.equal(reason(await manager.refresh(first.token)), 'replaced token');
  t.equal(reason(await manager.authenticate(second.token)), 'not refused');
});

t.test('a replaced token after the window ends the session for both holders', async (t) => {
  for (const use of ['authenticate', 'refresh', 'end'] as const) {
    const { clock, manager } = setUp(t);
    const first = await manager.create(user('user1'), CLIENT);
    const second = issued(await manager.refresh(first.token));
    clock.advance(10_001);
    const outcome = await manager[use](first.token);
    t.match(outcome, { reason: 'reused token', subject: { id: first.session.id, username: 'user1' } }, use);
    t.equal(reason(await manager.authenticate(second.token)), 'unknown session', use);
  }
});

t.test('a thief who refreshes again and again does not make the session forget the owner', async (t) => {
  const { clock, manager } = setUp(t);
  const owners = await manager.create(user('user1'), CLIENT);
  let thiefs: IssuedSession = owners;
  for (let i = 0; i < 20; i++) {
    thiefs = issued(await manager.refresh(thiefs.token));
  }
  clock.advance(10_001);
  t.equal(reason(await manager.authenticate(owners.token)), 'reused token');
  t.equal(reason(await manager.authenticate(thiefs.token)), 'unknown session');
});

t.test('however often a session is refreshed, the token of before is known', async (t) => {
  const { clock, store, manager } = setUp(t);
  let before: IssuedSession = await manager.create(user('user1'), CLIENT);
  let current = before;
  for (let i = 0; i < 20; i++) {
    clock.advance(11_000);
    before = current;
    current = issued(await manager.refresh(before.token));
  }
  t.ok((store.find(current.session.id)?.replaced.length ?? 0) <= 4, 'without a record that grows');
  clock.advance(10_001);
  t.equal(reason(await manager.authenticate(before.token)), 'reused token');
});

t.test('a replaced token of a session that has expired is expired', async (t) => {
  const { clock, manager } = setUp(t);
  const first = await manager.create(user('user1'), CLIENT);
  await manager.refresh(first.token);
  clock.advance(IDLE_MS);
  t.equal(reason(await manager.authenticate(first.token)), 'expired');
});

t.test('to sign out with a token that a refresh has just replaced ends the session', async (t) => {
  const { manager } = setUp(t);
  const first = await manager.create(user('user1'), CLIENT);
  const second = issued(await manager.refresh(first.token));
  t.same(await manager.end(first.token), second.session);
  t.equal(reason(await manager.authenticate(second.token)), 'unknown session');
});

t.test('reauthentication gives a new token, a new sign-in time and more time, and wins over refreshes', async (t) => {
  const { clock, store, manager } = setUp(t);
  const first = await manager.create(user('user1'), CLIENT);
  clock.advance(60_000);
  let rivals = 3;
  let rival = first.token;
  const racing = stubStore(store, {
    replace: async (next, expectedVersion) => {
      if (rivals-- > 0) {
        rival = issued(await manager.refresh(rival)).token;
      }
      return store.replace(next, expectedVersion);
    },
  });
  const renewing = newManager(racing, clock, LIFETIMES);
  const renewed = issued(await renewing.reauthenticate(first.session.id));
  t.same(renewed.session, { ...first.session, authenticatedAt: clock(), expiresAt: clock() + IDLE_MS });
  t.equal(reason(await manager.authenticate(renewed.token)), 'not refused');
  t.equal(reason(await manager.authenticate(rival)), 'replaced token');
});

t.test('reauthentication gives up when the record changes at every try', async (t) => {
  const { clock, store, manager } = setUp(t);
  const { session } = await manager.create(user('user1'), CLIENT);
  let tries = 0;
  const racing = stubStore(store, {
    replace: () => {
      tries++;
      return false;
    },
  });
  const losing = newManager(racing, clock, LIFETIMES);
  await t.rejects(losing.reauthenticate(session.id), StoreUnavailable);
  t.equal(tries, MAX_TRIES);
});

t.test('a session that has ended meanwhile is not reauthenticated', async (t) => {
  const { clock, manager } = setUp(t);
  const { session, token } = await manager.create(user('user1'), CLIENT);
  clock.advance(IDLE_MS);
  t.equal(reason(await manager.reauthenticate(session.id)), 'expired');
  await manager.end(token);
  t.equal(reason(await manager.reauthenticate(session.id)), 'unknown session');
});

t.test('a store that says a random id is taken is a store that failed', async (t) => {
  const { clock, store } = setUp(t);
  const full = stubStore(store, { create: () => false });
  const manager = newManager(full, clock, LIFETIMES);
  await t.rejects(manager.create(user('user1'), CLIENT), StoreUnavailable);
});

t.test('a token that was refreshed elsewhere a moment ago opens its session, though the store is behind', async (t) => {
  const { clock, store, manager } = setUp(t);
  const first = await manager.create(user('user1'), CLIENT);
  const before = store.find(first.session.id);
  const second = issued(await manager.refresh(first.token));
  const behind = stubStore(store, { find: (id, latest) => (latest ? store.find(id) : before) });
  const elsewhere = newManager(behind, clock, LIFETIMES);
  t.same(await elsewhere.authenticate(second.token), second.session);
  t.equal(reason(await elsewhere.authenticate(formatToken(generateToken(first.session.id)))), 'wrong secret');
  await manager.end(second.token);
  t.equal(reason(await elsewhere.authenticate(second.token)), 'unknown session');
});

t.test('a session of another namespace is unknown, and can be neither used nor ended', async (t) => {
  const { clock, store, manager } = setUp(t);
  const { token } = await manager.create(user('user1'), CLIENT);
  const admin = new SessionManager({
    store,
    clock,
    namespace: 'admin',
    lifetimes: LIFETIMES,
    offersBinding: false,
    log: { warn() {} },
  });
  t.equal(reason(await admin.authenticate(token)), 'unknown session');
  t.equal(reason(await admin.refresh(token)), 'unknown session');
  t.equal(reason(await admin.end(token)), 'unknown session');
  t.equal(reason(await manager.authenticate(token)), 'not refused');
});

t.test('what the app keeps with a session is checked and frozen', async (t) => {
  const { store, manager } = setUp(t);
  const { session } = await manager.create({ ...user('user1'), data: { cart: ['tea'] } as object }, CLIENT);
  t.same(store.find(session.id)?.session.data, { cart: ['tea'] });
  await t.rejects(manager.create({ ...user('user1'), data: { now: new Date() } as object }, CLIENT), TypeError);
  t.equal(store.size, 1);
});

t.test('a refresh succeeds although the data of the session changes at the same time', async (t) => {
  const { clock, store, manager } = setUp(t);
  const { session, token } = await manager.create(user('user1'), CLIENT);
  let changes = 2;
  const racing = stubStore(store, {
    replace: (next, expectedVersion) => {
      if (changes-- > 0) {
        const current = store.find(session.id) as SessionRecord;
        const data = { changes } as object;
        store.replace(changedRecord(current, { session: { ...current.session, data } }), current.version);
      }
      return store.replace(next, expectedVersion);
    },
  });
  const refreshed = issued(await newManager(racing, clock, LIFETIMES).refresh(token));
  t.same(refreshed.session.data, { changes: 0 }, 'and keeps the change');
  t.equal(reason(await manager.authenticate(refreshed.token)), 'not refused');
});

t.test('a refresh gives up when the record changes at every try', async (t) => {
  const { clock, store, manager } = setUp(t);
  const { token } = await manager.create(user('user1'), CLIENT);
  const losing = newManager(stubStore(store, { replace: () => false }), clock, LIFETIMES);
  await t.rejects(losing.refresh(token), StoreUnavailable);
});

const ACTIVITY = { ...LIFETIMES, renewal: 'activity' } as const;

t.test('with renewal by activity a request moves the idle deadline, once per tenth of the idle time', async (t) => {
  const { clock, store } = setUp(t);
  let writes = 0;
  const counting = stubStore(store, {
    replace: (next, expectedVersion) => {
      writes++;
      return store.replace(next, expectedVersion);
    },
  });
  const manager = newManager(counting, clock, ACTIVITY);
  const { session, token } = await manager.create(user('user1'), CLIENT);
  clock.advance(IDLE_MS / 10 - 1);
  t.match(await manager.authenticate(token), { expiresAt: session.expiresAt });
  t.equal(writes, 0);
  clock.advance(1);
  t.match(await manager.authenticate(token), { id: session.id, expiresAt: clock() + IDLE_MS });
  t.equal(writes, 1);
  for (let i = 0; i < 12; i++) {
    clock.advance(IDLE_MS / 10);
    t.equal(reason(await manager.authenticate(token)), 'not refused');
  }
  t.equal(writes, 13);
});

t.test('activity never moves the idle deadline past the absolute one', async (t) => {
  const { clock, store } = setUp(t);
  const manager = newManager(store, clock, ACTIVITY);
  const { session, token } = await manager.create(user('user1'), CLIENT);
  while (clock() + 1000 < session.endsAt) {
    clock.advance(1000);
    t.equal(reason(await manager.authenticate(token)), 'not refused');
  }
  t.equal(store.find(session.id)?.session.expiresAt, session.endsAt);
  clock.advance(1000);
  t.equal(reason(await manager.authenticate(token)), 'expired');
});

t.test('of parallel requests each is accepted, and a session that ends meanwhile does not come back', async (t) => {
  const { clock, store } = setUp(t);
  const slow = stubStore(store, {
    find: async (id) => {
      const found = store.find(id);
      await new Promise(setImmediate);
      return found;
    },
  });
  let writes = 0;
  const counting = stubStore(slow, {
    replace: async (next, expectedVersion) => {
      writes++;
      await new Promise(setImmediate);
      return slow.replace(next, expectedVersion);
    },
  });
  const manager = newManager(counting, clock, ACTIVITY);
  const { session, token } = await manager.create(user('user1'), CLIENT);
  clock.advance(IDLE_MS / 2);
  const outcomes = await Promise.all([1, 2, 3].map(() => manager.authenticate(token)));
  t.equal(writes, 1);
  t.same(outcomes.map(reason), ['not refused', 'not refused', 'not refused']);
  clock.advance(IDLE_MS / 2);
  const accepted = manager.authenticate(token);
  store.remove(session.id);
  t.equal(reason(await accepted), 'not refused', 'it was live when the request read it');
  t.equal(store.find(session.id), undefined);
});

t.test('a request returns the session that it found, and not one that an earlier request is renewing', async (t) => {
  const { clock, store } = setUp(t);
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let isHeld = true;
  const slow = stubStore(store, {
    replace: async (next, expectedVersion) => {
      if (isHeld) {
        isHeld = false;
        await released;
      }
      return store.replace(next, expectedVersion);
    },
  });
  const manager = newManager(slow, clock, ACTIVITY);
  const { session, token } = await manager.create(user('user1'), CLIENT);
  clock.advance(IDLE_MS / 2);
  const earlier = manager.authenticate(token);
  clock.advance(1);
  const { token: next } = issued(await manager.reauthenticate(session.id));
  clock.advance(IDLE_MS / 2);
  t.match(await manager.authenticate(next), { authenticatedAt: clock() - IDLE_MS / 2 });
  release();
  t.match(await earlier, { authenticatedAt: session.authenticatedAt });
});

t.test('a store that does not renew sessions fails no request, and is logged once', async (t) => {
  const { clock, store } = setUp(t);
  let isFull = true;
  let writes = 0;
  const full = stubStore(store, {
    replace: (next, expectedVersion) => {
      writes++;
      if (isFull) {
        throw new Error('the disk is full');
      }
      return store.replace(next, expectedVersion);
    },
  });
  const lines: object[] = [];
  const log = { warn: (details: object) => lines.push(details) };
  const manager = new SessionManager({
    store: full,
    clock,
    namespace: DEFAULT_NAMESPACE,
    lifetimes: ACTIVITY,
    offersBinding: false,
    log,
  });
  const { session, token } = await manager.create(user('user1'), CLIENT);
  clock.advance(IDLE_MS / 2);
  for (let i = 0; i < 3; i++) {
    t.match(await manager.authenticate(token), { expiresAt: session.expiresAt });
  }
  t.equal(writes, 1, 'the others do not wait for the store');
  clock.advance(1000);
  await manager.authenticate(token);
  t.equal(writes, 2);
  t.match(lines, [{ err: { message: 'the disk is full' } }]);
  isFull = false;
  clock.advance(1000);
  t.match(await manager.authenticate(token), { expiresAt: clock() + IDLE_MS });
  isFull = true;
  clock.advance(IDLE_MS / 2);
  await manager.authenticate(token);
  t.equal(lines.length, 2);
});

t.test('with renewal by activity, a replaced token is remembered as long as its cookie lasts', async (t) => {
  const { clock, store } = setUp(t);
  const manager = newManager(store, clock, ACTIVITY);
  const first = await manager.create(user('user1'), CLIENT);
  let { token } = issued(await manager.refresh(first.token));
  for (let i = 0; i < 2; i++) {
    clock.advance(IDLE_MS - 1);
    token = issued(await manager.refresh(token)).token;
  }
  t.equal(reason(await manager.authenticate(first.token)), 'reused token');
});
