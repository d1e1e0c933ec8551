import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import type { OpenFailureCounter } from '../../src/users/failure-counter.ts';

/** What the throttle needs of a limiter, whatever counts. */
export async function failureLimiterConformance(t: Test, open: OpenFailureCounter): Promise<void> {
  await t.test('failures are counted by key, one by one or several, up and down', async (t) => {
    const limiter = open('count', 900);
    t.equal(await limiter.get('a'), null);
    t.match(await limiter.penalty('a'), { consumedPoints: 1 });
    t.match(await limiter.penalty('a', 2), { consumedPoints: 3 });
    t.match(await limiter.reward('a', 2), { consumedPoints: 1 });
    t.match(await limiter.get('a'), { consumedPoints: 1 });
    t.equal(await limiter.get('b'), null);
  });

  await t.test('of any number at once, none is lost', async (t) => {
    const limiter = open('race', 900);
    const counts = await Promise.all(Array.from({ length: 100 }, () => limiter.penalty('a')));
    t.same(
      counts.map(({ consumedPoints }) => consumedPoints).sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
  });

  await t.test('whatever is counted while it is taken is taken once', async (t) => {
    const limiter = open('take', 900);
    t.equal(await limiter.take('a'), 0);
    const calls = Array.from({ length: 300 }, async (_, i) =>
      i % 3 === 0 ? limiter.take('a') : limiter.penalty('a').then(() => 0),
    );
    const taken = (await Promise.all(calls)).reduce((sum, count) => sum + count, 0);
    t.equal(taken + (await limiter.take('a')), 200);
    t.equal(await limiter.get('a'), null);
  });

  await t.test('limiters of other names count for themselves', async (t) => {
    await open('one', 900).penalty('a');
    t.equal(await open('other', 900).get('a'), null);
  });

  // Waits for real: the server's clock cannot be set.
  await t.test('the first failure opens a window, and all are forgotten when it closes', async (t) => {
    const limiter = open('window', 1);
    await limiter.penalty('a');
    await sleep(500);
    const { msBeforeNext } = await limiter.penalty('a');
    t.ok(msBeforeNext > 0 && msBeforeNext <= 500, `${msBeforeNext} ms`);
    await sleep(600);
    t.equal(await limiter.get('a'), null);
    t.match(await limiter.penalty('a'), { consumedPoints: 1 });
  });
}
