import { MemoryFailureCounter } from '../../../src/stores/memory/failure-counter.ts';
import type { FailureCounter, OpenFailureCounter } from '../../../src/users/failure-counter.ts';
import { nextTurn } from './rules.ts';

/** A counter some of whose methods are replaced. */
function counter(windowSeconds: number, breakIt: (counter: MemoryFailureCounter) => Partial<FailureCounter>) {
  const inner = new MemoryFailureCounter(windowSeconds);
  const plain: FailureCounter = {
    get: (key) => inner.get(key),
    increment: (key) => inner.increment(key),
    decrement: (key, windowId, by) => inner.decrement(key, windowId, by),
    take: (key) => inner.take(key),
  };
  return { ...plain, ...breakIt(inner) };
}

function breaking(breakIt: (counter: MemoryFailureCounter) => Partial<FailureCounter>): OpenFailureCounter {
  return (_name, windowSeconds) => counter(windowSeconds, breakIt);
}

const shared = new MemoryFailureCounter(900);

/** For each rule a counter that breaks it. */
export const brokenFailureCounters: Readonly<Record<string, OpenFailureCounter>> = {
  'failures are counted by key, up one by one and down by any number': breaking((inner) => ({
    decrement: (key, windowId) => inner.decrement(key, windowId, 1),
  })),
  'a count is never negative, and a key without failures starts a new window': breaking((inner) => ({
    get: (key) => inner.get(key) ?? { failures: 0, windowId: '', endsInMs: 0 },
  })),
  'decrement removes only failures of the named window': breaking((inner) => ({
    decrement: (key, _windowId, by) => inner.decrement(key, inner.get(key)?.windowId ?? '', by),
  })),
  'decrement by 0 changes nothing': breaking((inner) => ({
    decrement: (key, windowId, by) => inner.decrement(key, windowId, by || 1),
  })),
  'of 100 concurrent increments none is lost': breaking((inner) => ({
    increment: async (key) => {
      const failures = (inner.get(key)?.failures ?? 0) + 1;
      await nextTurn();
      return { ...inner.increment(key), failures };
    },
  })),
  'take returns each failure once, also while others are counted': breaking((inner) => ({
    take: async (key) => {
      const { failures } = inner.get(key) ?? { failures: 0 };
      await nextTurn();
      inner.take(key);
      return failures;
    },
  })),
  'counters of different names do not share their counts': () => shared,
  'the first failure starts a window, and all failures are removed when it ends': (_name, windowSeconds) =>
    counter(windowSeconds * 10, (inner) => ({
      increment: (key) => {
        const count = inner.increment(key);
        return { ...count, endsInMs: count.endsInMs / 10 };
      },
    })),
};
