import t from 'tap';
import { rememberReplaced, whenReplaced } from '../../src/sessions/replaced-secrets.ts';
import { record } from '../helper.ts';

const MEMORY_MS = 120_000;
const replaced = (...ages: number[]) => ages.map((age) => ({ secretHash: `hash-${age}`, replacedAt: -age }));

t.test('the secret that is being replaced is remembered last', async (t) => {
  t.same(rememberReplaced(record({ secretHash: 'first' }), 0, MEMORY_MS), [
    { secretHash: 'first', replacedAt: 0 },
  ]);
});

t.test('those that no browser holds any more are forgotten', async (t) => {
  const before = record({ replaced: replaced(MEMORY_MS, MEMORY_MS - 1) });
  t.same(
    rememberReplaced(before, 0, MEMORY_MS).map(({ secretHash }) => secretHash),
    [`hash-${MEMORY_MS - 1}`, 'hash'],
  );
});

t.test('of many, the first three and the latest are remembered', async (t) => {
  const before = record({ replaced: replaced(40, 30, 20, 10) });
  t.same(
    rememberReplaced(before, 0, MEMORY_MS).map(({ secretHash }) => secretHash),
    ['hash-40', 'hash-30', 'hash-20', 'hash'],
  );
});

t.test('a secret is known by its whole hash', async (t) => {
  const known = record({ replaced: replaced(40, 30) });
  t.equal(whenReplaced(known, 'hash-30'), -30);
  t.equal(whenReplaced(known, 'hash-3'), undefined);
  t.equal(whenReplaced(record(), 'hash'), undefined);
});
