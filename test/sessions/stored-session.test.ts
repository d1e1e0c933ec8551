import t from 'tap';
import { readSessionRecord, storedSession } from '../../src/sessions/stored-session.ts';
import { record } from '../helpers/service.ts';

const REPLACED = [{ secretHash: 'hash-30', replacedAt: -30 }];

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
  const expected = { ...record({ replaced: REPLACED }), version: 'hash' };
  const { secretHash } = record();
  t.same(readSessionRecord({ schema: 1, session: session1(), secretHash, replaced: REPLACED }), expected);
  t.same(readSessionRecord({ ...session1(), secretHash, replaced: REPLACED }), expected, 'without a schema');
  t.same(
    readSessionRecord({ ...session1(), secretHash }),
    { ...record(), version: 'hash' },
    'without replaced secrets',
  );
});

/** A record as schema 2 stored it. */
function record2() {
  const { bound: _, ...session } = record().session;
  return { ...record({ replaced: REPLACED }), schema: 2, session } as const;
}

t.test('no session of schema 2 is bound', async (t) => {
  t.same(readSessionRecord(record2()), record({ replaced: REPLACED }));
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
