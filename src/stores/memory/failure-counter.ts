import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import type { FailureCounter } from '../../users/failure-counter.ts';
import { encodeKey } from '../engine.ts';

/**
 * The most keys that a counter holds. Evicting one key takes as many failures of other keys. Each costs a password
 * hash, so on one core this takes longer than the default window.
 */
const MAX_KEYS = 100_000;

/**
 * Counts failures in this process. Keys are encoded, so that a long one costs no memory, and their number is bounded:
 * the key whose latest failure is the oldest is evicted.
 */
export class MemoryFailureCounter extends RateLimiterMemory implements FailureCounter {
  /** The encoded keys in the order of their latest failure. */
  readonly #keys = new Set<string>();
  readonly #maxKeys: number;

  constructor(name: string, windowSeconds: number, maxKeys = MAX_KEYS) {
    super({ keyPrefix: name, points: Number.MAX_SAFE_INTEGER, duration: windowSeconds });
    this.#maxKeys = maxKeys;
  }

  override get(key: string): Promise<RateLimiterRes | null> {
    return super.get(encodeKey(key));
  }

  override penalty(key: string, points?: number): Promise<RateLimiterRes> {
    const encoded = encodeKey(key);
    this.#keys.delete(encoded);
    this.#keys.add(encoded);
    if (this.#keys.size > this.#maxKeys) {
      const [oldest] = this.#keys;
      this.#remove(oldest as string);
    }
    return super.penalty(encoded, points);
  }

  override reward(key: string, points?: number): Promise<RateLimiterRes> {
    return super.reward(encodeKey(key), points);
  }

  async take(key: string): Promise<number> {
    // Both calls take effect before the first `await`.
    const count = this.get(key);
    this.#remove(encodeKey(key));
    return (await count)?.consumedPoints ?? 0;
  }

  #remove(encoded: string): void {
    this.#keys.delete(encoded);
    super.delete(encoded);
  }
}

export function openMemoryFailureCounter(name: string, windowSeconds: number): MemoryFailureCounter {
  return new MemoryFailureCounter(name, windowSeconds);
}
