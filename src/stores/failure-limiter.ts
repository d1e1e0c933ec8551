import type { RateLimiterAbstract } from 'rate-limiter-flexible';

/**
 * Counts failures by key. The first failure of a key opens a window, and all are forgotten when it closes. The counting
 * is rate-limiter-flexible's; the limit is the throttle's, which looks at the count.
 */
export interface FailureLimiter extends Pick<RateLimiterAbstract, 'get' | 'penalty' | 'reward'> {
  /** Forgets the failures of a key, in one step, and answers how many they were. */
  take(key: string): Promise<number>;
}

/** Opens a limiter. Those of one name in one store share their counts. */
export type OpenFailureLimiter = (name: string, windowSeconds: number) => FailureLimiter;
