import type { RateLimiterAbstract } from 'rate-limiter-flexible';

/**
 * Counts failures by key, with the methods of rate-limiter-flexible. The first failure of a key starts a window; when
 * the window ends, the count is 0 again. The counter enforces no limit: the throttle compares the counts. A key can be
 * any string of any length.
 */
export interface FailureCounter extends Pick<RateLimiterAbstract, 'get' | 'penalty' | 'reward'> {
  /** Removes a key and returns its count, in one atomic step. */
  take(key: string): Promise<number>;
}

/** Opens a counter. Counters with the same name in the same store share their counts. */
export type OpenFailureCounter = (name: string, windowSeconds: number) => FailureCounter;
