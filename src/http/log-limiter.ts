import type { FastifyBaseLogger } from 'fastify';
import { networkOf, wideNetworkOf } from '../network.ts';
import type { Milliseconds } from '../types.ts';

const WINDOW_MS: Milliseconds = 10_000;
/** How many times as many lines the wider network of a client, and all clients together, may cause. */
const WIDE_FACTOR = 5;
const ALL_FACTOR = 50;

/**
 * Bounds the lines that clients can make the service log in a window. Lines above the limit are counted, and the end of the
 * window logs their number. A client that floods the log hides its own lines: to hide those of others, it needs many networks.
 */
export class LogLimiter {
  readonly #log: FastifyBaseLogger;
  readonly #lines = new Map<string, number>();
  readonly #suppressed = new Map<string, number>();
  #windowEnd: NodeJS.Timeout | undefined;

  constructor(log: FastifyBaseLogger) {
    this.#log = log;
  }

  /** Whether one more line of this kind may be logged. It counts then. `max` is the limit of one network: an IPv4 or a /64. */
  allows(kind: string, address: string, max: number): boolean {
    this.#windowEnd ??= setTimeout(() => this.#endWindow(), WINDOW_MS).unref();
    const limits = [
      { key: `${kind} ${networkOf(address)}`, most: max },
      { key: `${kind} ${wideNetworkOf(address)}`, most: max * WIDE_FACTOR },
      { key: kind, most: max * ALL_FACTOR },
    ];
    if (limits.some(({ key, most }) => this.#count(key) >= most)) {
      this.#suppressed.set(kind, (this.#suppressed.get(kind) ?? 0) + 1);
      return false;
    }
    for (const { key } of limits) {
      this.#lines.set(key, this.#count(key) + 1);
    }
    return true;
  }

  #count(key: string): number {
    return this.#lines.get(key) ?? 0;
  }

  #endWindow(): void {
    for (const [kind, count] of this.#suppressed) {
      this.#log.warn({ kind, suppressed: count }, 'too many log lines of one kind: the others were not logged');
    }
    this.#lines.clear();
    this.#suppressed.clear();
    this.#windowEnd = undefined;
  }
}
