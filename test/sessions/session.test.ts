import t from 'tap';
import { changedRecord, findReplaced, isLive, withReplaced } from '../../src/sessions/session.ts';
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
