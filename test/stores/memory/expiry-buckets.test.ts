import t from 'tap';
import { ExpiryBuckets } from '../../../src/stores/memory/expiry-buckets.ts';

/** Buckets for slots whose deadlines are those given, all of them added. */
function buckets(...deadlines: number[]) {
  const made = new ExpiryBuckets((slot) => deadlines[slot] as number);
  deadlines.forEach((_, slot) => void made.add(slot));
  return made;
}

const sorted = (slots: number[]) => slots.sort((a, b) => a - b);

t.test('what has expired is due, to the millisecond, and the rest is not', async (t) => {
  t.same(sorted(buckets(1000, 1500, 1501, 9000).due(1500, 10)), [0, 1]);
});

t.test('what is deleted is due no more, and what is not comes again', async (t) => {
  const two = buckets(1000, 1000);
  const [first = -1] = two.due(2000, 1);
  two.delete(first);
  t.same(two.due(2000, 1), [1 - first]);
  t.same(two.due(2000, 2), [1 - first]);
  two.delete(1 - first);
  t.same(two.due(2000, 1), []);
});

t.test('it goes on second by second', async (t) => {
  const deadlines = Array.from({ length: 60 }, (_, second) => second * 1000);
  const minute = buckets(...deadlines);
  for (const [slot, deadline] of deadlines.entries()) {
    t.same(minute.due(deadline, 10), [slot]);
    minute.delete(slot);
  }
});

t.test('a limit is kept, and a leap of the clock over years skips nothing', async (t) => {
  const ten = buckets(...Array.from({ length: 10 }, (_, i) => i * 700));
  const decade = 10 * 365 * 86_400_000;
  t.equal(ten.due(decade, 4).length, 4);
  t.same(sorted(ten.due(decade, 10)), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

t.test('a clock that is set back strands nothing', async (t) => {
  const one = new ExpiryBuckets(() => 50_000);
  t.same(one.due(100_000, 10), []);
  one.add(0);
  t.same(one.due(49_999, 10), []);
  t.same(one.due(50_000, 10), [0]);
});

t.test('what is added after its deadline is due like the rest', async (t) => {
  const one = new ExpiryBuckets(() => 50_000);
  t.same(one.due(100_000, 10), []);
  one.add(0);
  t.same(one.due(100_000, 10), [0]);
});

t.test('clear forgets everything', async (t) => {
  const one = buckets(1);
  one.clear();
  t.same(one.due(1000, 10), []);
});
