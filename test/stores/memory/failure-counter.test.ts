import t from 'tap';
import { MemoryFailureCounter } from '../../../src/stores/memory/failure-counter.ts';
import { failureLimiterConformance } from '../failure-counter-conformance.ts';

t.test('conformance', (t) =>
  failureLimiterConformance(t, (name, windowSeconds) => new MemoryFailureCounter(name, windowSeconds)),
);

t.test('a flood of keys makes it forget those that failed longest ago, and it grows no more', async (t) => {
  const limiter = new MemoryFailureCounter('test', 900, 100);
  await limiter.penalty('attacked');
  for (let i = 0; i < 1000; i++) {
    await limiter.penalty(`invented ${i}`);
    if (i % 50 === 0) {
      await limiter.penalty('attacked');
    }
  }
  t.equal(limiter.dump().storage.length, 100);
  t.match(await limiter.get('attacked'), { consumedPoints: 21 });
  t.equal(await limiter.get('invented 0'), null);
  t.match(await limiter.get('invented 999'), { consumedPoints: 1 });
});

t.test('a long key is stored as a hash', async (t) => {
  const limiter = new MemoryFailureCounter('test', 900);
  const key = 'x'.repeat(100_000);
  await limiter.penalty(key, 3);
  t.match(limiter.dump().storage, [{ key: /^.{1,64}$/ }]);
  t.match(await limiter.get(key), { consumedPoints: 3 });
  t.match(await limiter.reward(key), { consumedPoints: 2 });
  t.equal(await limiter.take(key), 2);
  t.same(limiter.dump().storage, []);
});

t.test('a key that was taken leaves its place', async (t) => {
  const limiter = new MemoryFailureCounter('test', 900, 2);
  await limiter.penalty('a');
  await limiter.penalty('b');
  t.equal(await limiter.take('b'), 1);
  await limiter.penalty('c');
  t.match(await limiter.get('a'), { consumedPoints: 1 });
});
