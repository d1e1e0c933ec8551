import t, { type Test } from 'tap';
import { DEFAULT_NAMESPACE } from '../../src/sessions/session.ts';
import { SessionManager } from '../../src/sessions/session-manager.ts';
import type { SessionStore } from '../../src/sessions/session-store.ts';
import { generateToken } from '../../src/sessions/token.ts';
import { UserSessions } from '../../src/sessions/user-sessions.ts';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { fakeClock, owner, record, stubStore } from '../helpers/service.ts';

const LIFETIMES = {
  idleSeconds: 120,
  boundIdleSeconds: 120,
  maxSeconds: 300,
  reuseWindowSeconds: 10,
  renewal: 'refresh',
} as const;
const CLIENT = { address: '192.0.2.1', device: 'Firefox on Linux' };

function setUp(t: Test, maxPerUser = 3) {
  const clock = fakeClock();
  const store = new MemorySessionStore({ clock });
  t.teardown(() => store.close());
  return { clock, store, sessions: new UserSessions(store, clock, maxPerUser) };
}

/** The same store at the end of a network on which every call takes its own time. */
function distant(store: SessionStore): SessionStore {
  const later = async () => {
    for (let turns = Math.floor(Math.random() * 5); turns > 0; turns--) {
      await new Promise(setImmediate);
    }
  };
  return stubStore(store, {
    create: async (record) => later().then(() => store.create(record)),
    remove: async (id) => later().then(() => store.remove(id)),
    listByUser: async (user) => {
      await later();
      const listed = await store.listByUser(user);
      await later();
      return listed;
    },
  });
}

t.test('however many start at once, the newest remain, as many as are allowed', async (t) => {
  for (let round = 0; round < 200; round++) {
    const { clock, store } = setUp(t);
    const far = distant(store);
    const manager = new SessionManager({
      store: far,
      clock,
      namespace: DEFAULT_NAMESPACE,
      lifetimes: LIFETIMES,
      offersBinding: false,
      log: { warn() {} },
    });
    const sessions = new UserSessions(far, clock, 3);
    const started = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const { session } = await manager.create({ userId: 'ann', username: 'ann' }, CLIENT);
        await sessions.enforceSessionLimit(owner('ann'));
        return session.id;
      }),
    );
    const left = store.listByUser(owner('ann')).map(({ session }) => session.id);
    t.equal(left.length, 3);
    t.same(left.sort(), started.sort().slice(0, 3), 'by one order, for all began in the same millisecond');
  }
});

t.test('a list is newest first, without those that have expired', async (t) => {
  const { clock, store, sessions } = setUp(t);
  const now = clock();
  store.create(record({ id: 'old', username: 'ann', createdAt: now - 2, expiresAt: now + 1 }));
  store.create(record({ id: 'new', username: 'ann', createdAt: now }));
  store.create(record({ id: 'over', username: 'ann', createdAt: now - 1, expiresAt: now }));
  store.create(record({ id: 'bobs', username: 'bob' }));
  const listed = await sessions.list(owner('ann'));
  t.same(
    listed.map(({ id }) => id),
    ['new', 'old'],
  );
  t.notMatch(JSON.stringify(listed), 'hash');
});

t.test('one is ended for its own user only', async (t) => {
  const { store, sessions } = setUp(t);
  const { id } = generateToken();
  store.create(record({ id, username: 'ann' }));
  t.match(await sessions.revoke(owner('bob'), id), { reason: "another user's session", subject: { id } });
  t.match(await sessions.revoke(owner('ann'), generateToken().id), { reason: 'unknown session' });
  t.match(await sessions.revoke(owner('ann'), 'no id'), { reason: 'unknown session' });
  t.match(await sessions.revoke(owner('ann'), id), { id, username: 'ann' });
  t.match(await sessions.revoke(owner('ann'), id), { reason: 'unknown session' });
});

t.test('one that somebody else ends meanwhile is not ended twice', async (t) => {
  const { clock, store } = setUp(t);
  const { id } = generateToken();
  store.create(record({ id, username: 'ann' }));
  store.create(record({ id: 'other', username: 'ann', createdAt: clock() - 1 }));
  const late = new UserSessions(stubStore(store, { remove: () => false }), clock, 1);
  t.match(await late.revoke(owner('ann'), id), { reason: 'unknown session' });
  t.same(await late.enforceSessionLimit(owner('ann')), []);
});
