import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenFailureCounter } from '../users/failure-counter.ts';
import { type Checks, runChecks, type TestFunction, times } from './suite.ts';

/** A window that does not end while a check runs. */
const WINDOW_SECONDS = 900;

const checks: Checks<OpenFailureCounter> = {
  'failures are counted by key, up one by one and down by any number': async (open) => {
    const counter = open('count', WINDOW_SECONDS);
    assert.equal(await counter.get('a'), undefined);
    const first = await counter.increment('a');
    assert.equal(first.failures, 1);
    assert.match(first.windowId, /./);
    assert.ok(first.endsInMs > 890_000 && first.endsInMs <= 900_000, `the window ends in ${first.endsInMs} ms`);
    await counter.increment('a');
    const third = await counter.increment('a');
    assert.deepEqual([third.failures, third.windowId], [3, first.windowId]);
    await counter.decrement('a', first.windowId, 2);
    const left = await counter.get('a');
    assert.deepEqual([left?.failures, left?.windowId], [1, first.windowId]);
    assert.equal(await counter.get('b'), undefined);
  },

  'a count is never negative, and a key without failures starts a new window': async (open) => {
    const counter = open('floor', WINDOW_SECONDS);
    const { windowId } = await counter.increment('a');
    await counter.decrement('a', windowId, 5);
    assert.equal(await counter.get('a'), undefined);
    await counter.decrement('a', windowId, 1);
    const next = await counter.increment('a');
    assert.equal(next.failures, 1);
    assert.notEqual(next.windowId, windowId);
    await counter.decrement('b', windowId, 1);
    assert.equal(await counter.get('b'), undefined);
  },

  'decrement removes only failures of the named window': async (open) => {
    const counter = open('refund', WINDOW_SECONDS);
    const { windowId } = await counter.increment('a');
    assert.equal(await counter.take('a'), 1);
    await counter.increment('a');
    await counter.decrement('a', windowId, 1);
    assert.equal((await counter.get('a'))?.failures, 1);
  },

  'decrement by 0 changes nothing': async (open) => {
    const counter = open('nothing', WINDOW_SECONDS);
    const { windowId } = await counter.increment('a');
    await counter.decrement('a', windowId, 0);
    assert.equal((await counter.get('a'))?.failures, 1);
  },

  'of 100 concurrent increments none is lost': async (open) => {
    const counter = open('race', WINDOW_SECONDS);
    const counts = await Promise.all(times(100, () => counter.increment('a')));
    assert.deepEqual(
      counts.map(({ failures }) => failures).sort((a, b) => a - b),
      times(100, (i) => i + 1),
    );
  },

  'take returns each failure once, also while others are counted': async (open) => {
    const counter = open('take', WINDOW_SECONDS);
    assert.equal(await counter.take('a'), 0);
    const calls = times(300, async (i) =>
      i % 3 === 0 ? counter.take('a') : 0 * (await counter.increment('a')).failures,
    );
    const taken = (await Promise.all(calls)).reduce((sum, count) => sum + count, 0);
    assert.equal(taken + (await counter.take('a')), 200);
    assert.equal(await counter.get('a'), undefined);
  },

  'counters of different names do not share their counts': async (open) => {
    await open('one', WINDOW_SECONDS).increment('a');
    assert.equal(await open('other', WINDOW_SECONDS).get('a'), undefined);
  },

  // Waits for real: the clock of a server cannot be set.
  'the first failure starts a window, and all failures are removed when it ends': async (open) => {
    const counter = open('window', 1);
    const { windowId } = await counter.increment('a');
    await sleep(500);
    const { endsInMs } = await counter.increment('a');
    assert.ok(endsInMs > 0 && endsInMs <= 500, `the window ends in ${endsInMs} ms`);
    await sleep(600);
    assert.equal(await counter.get('a'), undefined);
    await counter.decrement('a', windowId, 1);
    assert.equal(await counter.take('a'), 0);
    const next = await counter.increment('a');
    assert.equal(next.failures, 1);
    await counter.decrement('a', windowId, 1);
    assert.equal((await counter.get('a'))?.failures, 1, 'a refund for the first window changed the second');
  },
};

/**
 * Tests that a counter keeps the contract of `FailureCounter`: one test for each rule. They take about two seconds.
 *
 * @param test Registers a test: `t.test` of tap, `test` of node:test or of Vitest.
 * @param open Opens a counter. The names that the suite uses are new ones in each test.
 */
export function testFailureCounter(test: TestFunction, open: OpenFailureCounter): Promise<void> {
  const withNewNames = (): OpenFailureCounter => {
    const prefix = randomUUID();
    return (name, windowSeconds) => open(`${prefix} ${name}`, windowSeconds);
  };
  return runChecks(test, { contract: 'FailureCounter', checks, open: withNewNames, close: () => {} });
}
