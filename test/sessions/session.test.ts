import t from 'tap';
import {
  changedRecord,
  findReplaced,
  isLive,
  readSessionRecord,
  storedSession,
  withReplaced,
} from '../../src/sessions/session.ts';
import { record } from '../helpers/service.ts';

const MEMORY_MS = 120_000;
const LATEST = { secretHash: 'hash', replacedAt: 0 };
const replaced = (...ages: number[]) => ages.map((age) => ({ secretHash: `hash-${age}`, replacedAt: -age }));

t.test('a session is live until the first of its deadlines, to the millisecond', async (t) => {
  const { session } = record({ expiresAt: 2000, endsAt: 3000 });
  t.ok(isLive(session, 1999));
  t.notOk(isLive(session, 2000));
  t.notOk(isLive({ ...session, expiresAt: 4000 }, 3000), 'also if the idle deadline is later than the absolute one');
});

t.test('a stored record is read as it is, and its session is frozen', async (t) => {
  const stored = record();
  t.equal(readSessionRecord(stored), stored);
  t.throws(() => Object.assign(stored.session, { username: 'thief' }), TypeError);
});

/** A session as schema 1 stored it. */
function session1() {
  const { bound: _, namespace: __, userId: ___, data: ____, ...session } = record().session;
  return session;
}

t.test('a record of an earlier schema is read: the username was the id, the hash was the version', async (t) => {
  const expected = { ...record({ replaced: replaced(30) }), version: 'hash' };
  const { secretHash } = record();
  t.same(readSessionRecord({ schema: 1, session: session1(), secretHash, replaced: replaced(30) }), expected);
  t.same(readSessionRecord({ ...session1(), secretHash, replaced: replaced(30) }), expected, 'without a schema');
  t.same(
    readSessionRecord({ ...session1(), secretHash }),
    { ...record(), version: 'hash' },
    'without replaced secrets',
  );
});

/** A record as schema 2 stored it. */
function record2() {
  const { bound: _, ...session } = record().session;
  return { ...record({ replaced: replaced(30) }), schema: 2, session } as const;
}

t.test('no session of schema 2 is bound', async (t) => {
  t.same(readSessionRecord(record2()), record({ replaced: replaced(30) }));
});

t.test('the session of a stored record is found in each layout', async (t) => {
  const { session, secretHash } = record();
  t.same(storedSession(record()), session);
  t.same(storedSession(record2()), session);
  t.same(storedSession({ schema: 1, session: session1(), secretHash, replaced: [] }), session);
  t.same(storedSession({ ...session1(), secretHash }), session);
});

t.test('a record of a newer schema is an error, not a missing session', async (t) => {
  const newer = { ...record(), schema: 4 } as unknown as Parameters<typeof readSessionRecord>[0];
  t.throws(() => readSessionRecord(newer), { message: /newer version \(schema 4\); this version reads 3/ });
});

t.test('a change makes a new version and leaves the record as it was', async (t) => {
  const before = record();
  const after = changedRecord(before, { secretHash: 'next' });
  t.same(before, record());
  t.match(after, { ...record(), secretHash: 'next', version: /^[\da-f-]{36}$/ });
});

t.test('the secret that is replaced now takes the last place', async (t) => {
  t.same(withReplaced(record(), LATEST, MEMORY_MS), [LATEST]);
});

t.test('secrets whose cookies have expired are dropped', async (t) => {
  const before = record({ replaced: replaced(MEMORY_MS, MEMORY_MS - 1) });
  t.same(
    withReplaced(before, LATEST, MEMORY_MS).map(({ secretHash }) => secretHash),
    [`hash-${MEMORY_MS - 1}`, 'hash'],
  );
});

t.test('of many replaced secrets, the first three and the latest are kept', async (t) => {
  const before = record({ replaced: replaced(40, 30, 20, 10) });
  t.same(
    withReplaced(before, LATEST, MEMORY_MS).map(({ secretHash }) => secretHash),
    ['hash-40', 'hash-30', 'hash-20', 'hash'],
  );
});

t.test('a replaced secret is found by its whole hash', async (t) => {
  const known = record({ replaced: replaced(40, 30) });
  t.same(findReplaced(known, 'hash-30'), { secretHash: 'hash-30', replacedAt: -30 });
  t.equal(findReplaced(known, 'hash-3'), undefined);
  t.equal(findReplaced(record(), 'hash'), undefined);
});
