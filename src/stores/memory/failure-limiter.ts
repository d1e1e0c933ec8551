import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import type { FailureLimiter } from '../failure-limiter.ts';

/**
 * How many keys a limiter holds. To make it forget a key before its time takes as many failures of other keys, each of
 * which costs the hash of a password: on one core, more time than the key has to live by default.
 */
const MAX_KEYS = 100_000;

/** Counts failures in this process, of the keys that failed last: a flood of invented names cannot fill the memory. */
export class MemoryFailureLimiter extends RateLimiterMemory implements FailureLimiter {
  /** In the order of their latest failure. */
  readonly #keys = new Set<string>();
  readonly #maxKeys: number;

  constructor(name: string, windowSeconds: number, maxKeys = MAX_KEYS) {
    super({ keyPrefix: name, points: Number.MAX_SAFE_INTEGER, duration: windowSeconds });
    this.#maxKeys = maxKeys;
  }

  override penalty(key: string, points?: number): Promise<RateLimiterRes> {
    this.#keys.delete(key);
    this.#keys.add(key);
    if (this.#keys.size > this.#maxKeys) {
      const [oldest] = this.#keys;
      this.delete(oldest as string);
    }
    return super.penalty(key, points);
  }

  async take(key: string): Promise<number> {
    // Both are done before the first `await`.
    const count = this.get(key);
    this.delete(key);
    return (await count)?.consumedPoints ?? 0;
  }

  override delete(key: string): Promise<boolean> {
    this.#keys.delete(key);
    return super.delete(key);
  }
}

export function openMemoryFailureLimiter(name: string, windowSeconds: number): MemoryFailureLimiter {
  return new MemoryFailureLimiter(name, windowSeconds);
}
