import t from 'tap';
import { ExpiryBuckets } from '../../../src/stores/memory/expiry-buckets.ts';

const at = (expiresAt: number) => ({ expiresAt });

t.test('what has expired is due, to the millisecond, and the rest is not', async (t) => {
  const buckets = new ExpiryBuckets();
  const items = [at(1000), at(1500), at(1501), at(9000)];
  items.forEach((item) => void buckets.add(item));
  t.same(buckets.due(1500, 10), items.slice(0, 2));
});

t.test('what is deleted is due no more, and what is not comes again', async (t) => {
  const buckets = new ExpiryBuckets();
  const [a, b] = [at(1000), at(1000)];
  buckets.add(a);
  buckets.add(b);
  t.same(buckets.due(2000, 1), [a]);
  buckets.delete(a);
  t.same(buckets.due(2000, 1), [b]);
  buckets.delete(b);
  buckets.delete(b);
  t.same(buckets.due(2000, 1), []);
});

t.test('it goes on second by second', async (t) => {
  const buckets = new ExpiryBuckets();
  const items = Array.from({ length: 60 }, (_, second) => at(second * 1000));
  items.forEach((item) => void buckets.add(item));
  for (const [second, item] of items.entries()) {
    t.same(buckets.due(second * 1000, 10), [item]);
    buckets.delete(item);
  }
});

t.test('a limit is kept, and a leap of the clock over years skips nothing', async (t) => {
  const buckets = new ExpiryBuckets();
  const items = Array.from({ length: 10 }, (_, i) => at(i * 700));
  items.forEach((item) => void buckets.add(item));
  const decade = 10 * 365 * 86_400_000;
  t.equal(buckets.due(decade, 4).length, 4);
  t.same(buckets.due(decade, 10), items);
});

t.test('a clock that is set back strands nothing', async (t) => {
  const buckets = new ExpiryBuckets();
  t.same(buckets.due(100_000, 10), []);
  const item = at(50_000);
  buckets.add(item);
  t.same(buckets.due(49_999, 10), []);
  t.same(buckets.due(50_000, 10), [item]);
});

t.test('what is added after its deadline is due like the rest', async (t) => {
  const buckets = new ExpiryBuckets();
  t.same(buckets.due(100_000, 10), []);
  const item = at(50_000);
  buckets.add(item);
  t.same(buckets.due(100_000, 10), [item]);
});

t.test('clear forgets everything', async (t) => {
  const buckets = new ExpiryBuckets();
  buckets.add(at(1));
  buckets.clear();
  t.same(buckets.due(1000, 10), []);
});
