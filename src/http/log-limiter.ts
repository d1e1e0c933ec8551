import type { FastifyBaseLogger } from 'fastify';
import type { Milliseconds } from '../types.ts';

const WINDOW_MS: Milliseconds = 10_000;
/** Lines of one kind in a window: from one client, and from all clients together. */
const MAX_OF_CLIENT = 20;
const MAX_OF_KIND = 1000;

/**
 * Bounds the lines that clients can make the service log. Lines above the limit are counted, and the end of the window logs
 * their number. A client that floods the log does not hide the lines about other clients.
 */
export class LogLimiter {
  readonly #log: FastifyBaseLogger;
  readonly #lines = new Map<string, number>();
  readonly #suppressed = new Map<string, number>();
  #windowEnd: NodeJS.Timeout | undefined;

  constructor(log: FastifyBaseLogger) {
    this.#log = log;
  }

  /** Whether one more line of this kind may be logged. It counts then. */
  allows(kind: string, client: string): boolean {
    this.#windowEnd ??= setTimeout(() => this.#endWindow(), WINDOW_MS).unref();
    // A kind has no space, so the two keys differ.
    const ofClient = `${kind} ${client}`;
    if (this.#count(ofClient) >= MAX_OF_CLIENT || this.#count(kind) >= MAX_OF_KIND) {
      this.#suppressed.set(kind, (this.#suppressed.get(kind) ?? 0) + 1);
      return false;
    }
    this.#lines.set(ofClient, this.#count(ofClient) + 1);
    this.#lines.set(kind, this.#count(kind) + 1);
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
