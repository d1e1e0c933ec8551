import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import type { OpenFailureCounter } from '../../src/users/failure-counter.ts';

/** The contract of `FailureCounter`. */
export async function failureCounterConformance(t: Test, open: OpenFailureCounter): Promise<void> {
  await t.test('failures are counted by key, up one by one and down by any number', async (t) => {
    const counter = open('count', 900);
    t.equal(await counter.get('a'), undefined);
    const first = await counter.increment('a');
    t.match(first, { failures: 1, windowId: /./ });
    t.ok(first.endsInMs > 890_000 && first.endsInMs <= 900_000, `${first.endsInMs} ms`);
    await counter.increment('a');
    t.match(await counter.increment('a'), { failures: 3, windowId: first.windowId });
    await counter.decrement('a', first.windowId, 2);
    t.match(await counter.get('a'), { failures: 1, windowId: first.windowId });
    t.equal(await counter.get('b'), undefined);
  });

  await t.test('a count is never negative, and a key without failures starts a new window', async (t) => {
    const counter = open('floor', 900);
    const { windowId } = await counter.increment('a');
    await counter.decrement('a', windowId, 5);
    t.equal(await counter.get('a'), undefined);
    await counter.decrement('a', windowId, 1);
    const next = await counter.increment('a');
    t.equal(next.failures, 1);
    t.not(next.windowId, windowId);
    await counter.decrement('b', windowId, 1);
    t.equal(await counter.get('b'), undefined);
  });

  await t.test('only failures of the named window are removed', async (t) => {
    const counter = open('refund', 900);
    const { windowId } = await counter.increment('a');
    t.equal(await counter.take('a'), 1);
    await counter.increment('a');
    await counter.decrement('a', windowId, 1);
    t.match(await counter.get('a'), { failures: 1 });
  });

  await t.test('to remove no failure changes nothing', async (t) => {
    const counter = open('nothing', 900);
    const { windowId } = await counter.increment('a');
    await counter.decrement('a', windowId, 0);
    t.match(await counter.get('a'), { failures: 1 });
  });

  await t.test('of any number at once, none is lost', async (t) => {
    const counter = open('race', 900);
    const counts = await Promise.all(Array.from({ length: 100 }, () => counter.increment('a')));
    t.same(
      counts.map(({ failures }) => failures).sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
  });

  await t.test('whatever is counted while it is taken is taken once', async (t) => {
    const counter = open('take', 900);
    t.equal(await counter.take('a'), 0);
    const calls = Array.from({ length: 300 }, async (_, i) =>
      i % 3 === 0 ? counter.take('a') : 0 * (await counter.increment('a')).failures,
    );
    const taken = (await Promise.all(calls)).reduce((sum, count) => sum + count, 0);
    t.equal(taken + (await counter.take('a')), 200);
    t.equal(await counter.get('a'), undefined);
  });

  await t.test('counters of other names count for themselves', async (t) => {
    await open('one', 900).increment('a');
    t.equal(await open('other', 900).get('a'), undefined);
  });

  // Waits for real: the server's clock cannot be set.
  await t.test('the first failure opens a window, and all are forgotten when it closes', async (t) => {
    const counter = open('window', 1);
    const { windowId } = await counter.increment('a');
    await sleep(500);
    const { endsInMs } = await counter.increment('a');
    t.ok(endsInMs > 0 && endsInMs <= 500, `${endsInMs} ms`);
    await sleep(600);
    t.equal(await counter.get('a'), undefined);
    await counter.decrement('a', windowId, 1);
    t.equal(await counter.take('a'), 0);
    const next = await counter.increment('a');
    t.equal(next.failures, 1);
    await counter.decrement('a', windowId, 1);
    t.match(await counter.get('a'), { failures: 1 }, 'a refund for the first window does not change the second');
  });
}
