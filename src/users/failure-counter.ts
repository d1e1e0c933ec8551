import type { MaybePromise, Milliseconds } from '../types.ts';

/** The failures of one key in its current window. */
export interface FailureCount {
  /** At least 1. */
  readonly failures: number;
  /** Identifies the window. A later window of the same key has another id. */
  readonly windowId: string;
  /** The time until the window ends. */
  readonly endsInMs: Milliseconds;
}

/**
 * Counts failures by key. The first failure of a key starts a window. When the window ends, the key has no failures
 * again. The counter enforces no limit: the throttle compares the counts. A key can be any string of any length. Each
 * method is atomic. A rejection means only that the backend failed.
 */
export interface FailureCounter {
  /** Returns `undefined` if the key has no failures. */
  get(key: string): MaybePromise<FailureCount | undefined>;

  /** Adds one failure and returns the new count. */
  increment(key: string): MaybePromise<FailureCount>;

  /**
   * Removes `by` failures that were counted in the window `windowId`. If that window has ended, nothing changes: the
   * failures of a later window are others. A key whose count reaches zero is removed; the count is never negative.
   */
  decrement(key: string, windowId: string, by: number): MaybePromise<void>;

  /** Removes a key and returns its count, 0 if it has none. */
  take(key: string): MaybePromise<number>;
}

/** Opens a counter. Counters with the same name in the same store share their counts. */
export type OpenFailureCounter = (name: string, windowSeconds: number) => FailureCounter;
