import type { Clock, Milliseconds } from '../../types.ts';
import type { FailureCount, FailureCounter } from '../../users/failure-counter.ts';
import { encodeKey } from '../engine.ts';

/** The most keys that a counter holds. A key takes about 230 bytes. */
const MAX_KEYS = 100_000;
/** How many ended windows each new one removes. More than one, so that a counter that was full becomes small again. */
const SWEEP_STEP = 10;

export interface MemoryFailureCounterOptions {
  /** Default 100,000. */
  readonly maxKeys?: number;
  /** Default `Date.now`. */
  readonly clock?: Clock;
}

interface Window {
  readonly id: string;
  readonly endsAt: Milliseconds;
  failures: number;
}

/**
 * Counts failures in this process. The number of keys is bounded: when there is no room for another key, the one with
 * the fewest failures is removed; if several have the fewest, the one that reached that number first. Keys are encoded, so
 * that a long one costs no memory.
 */
export class MemoryFailureCounter implements FailureCounter {
  /** All windows are equally long, so this order, in which they started, is the order in which they end. */
  readonly #windows = new Map<string, Window>();
  /** The keys by their number of failures. */
  readonly #byFailures = new Map<number, Set<string>>();
  readonly #windowMs: Milliseconds;
  readonly #maxKeys: number;
  readonly #clock: Clock;
  #started = 0;

  constructor(windowSeconds: number, { maxKeys = MAX_KEYS, clock = Date.now }: MemoryFailureCounterOptions = {}) {
    this.#windowMs = windowSeconds * 1000;
    this.#maxKeys = maxKeys;
    this.#clock = clock;
  }

  /** The number of keys that are held. Those whose window has ended may be among them. */
  get size(): number {
    return this.#windows.size;
  }

  get(key: string): FailureCount | undefined {
    const window = this.#current(encodeKey(key));
    return window && this.#countIn(window);
  }

  increment(key: string): FailureCount {
    const encoded = encodeKey(key);
    const window = this.#current(encoded) ?? this.#start(encoded);
    this.#setFailures(encoded, window, window.failures + 1);
    return this.#countIn(window);
  }

  decrement(key: string, windowId: string, by: number): void {
    const encoded = encodeKey(key);
    const window = this.#current(encoded);
    if (window?.id !== windowId) {
      return;
    }
    if (window.failures > by) {
      this.#setFailures(encoded, window, window.failures - by);
    } else {
      this.#remove(encoded, window);
    }
  }

  take(key: string): number {
    const encoded = encodeKey(key);
    const window = this.#current(encoded);
    if (window === undefined) {
      return 0;
    }
    this.#remove(encoded, window);
    return window.failures;
  }

  #current(encoded: string): Window | undefined {
    const window = this.#windows.get(encoded);
    return window === undefined || this.#hasEnded(window) ? undefined : window;
  }

  #hasEnded({ endsAt }: Window): boolean {
    return endsAt <= this.#clock();
  }

  #countIn({ id, failures, endsAt }: Window): FailureCount {
    return { failures, windowId: id, endsInMs: endsAt - this.#clock() };
  }

  #start(encoded: string): Window {
    const ended = this.#windows.get(encoded);
    if (ended !== undefined) {
      this.#remove(encoded, ended);
    }
    this.#sweep();
    if (this.#windows.size >= this.#maxKeys) {
      this.#removeLeastCounted();
    }
    const window = { id: String(this.#started++), endsAt: this.#clock() + this.#windowMs, failures: 0 };
    this.#windows.set(encoded, window);
    return window;
  }

  #sweep(): void {
    let steps = SWEEP_STEP;
    for (const [encoded, window] of this.#windows) {
      if (steps-- === 0 || !this.#hasEnded(window)) {
        return;
      }
      this.#remove(encoded, window);
    }
  }

  #removeLeastCounted(): void {
    const [encoded] = this.#byFailures.get(Math.min(...this.#byFailures.keys())) as Set<string>;
    this.#remove(encoded as string, this.#windows.get(encoded as string) as Window);
  }

  #remove(encoded: string, window: Window): void {
    this.#windows.delete(encoded);
    this.#unlist(encoded, window.failures);
  }

  #setFailures(encoded: string, window: Window, failures: number): void {
    this.#unlist(encoded, window.failures);
    window.failures = failures;
    const keys = this.#byFailures.get(failures) ?? new Set();
    this.#byFailures.set(failures, keys.add(encoded));
  }

  #unlist(encoded: string, failures: number): void {
    const keys = this.#byFailures.get(failures);
    keys?.delete(encoded);
    if (keys?.size === 0) {
      this.#byFailures.delete(failures);
    }
  }
}

export function openMemoryFailureCounter(_name: string, windowSeconds: number): MemoryFailureCounter {
  return new MemoryFailureCounter(windowSeconds);
}
