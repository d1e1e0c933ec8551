import type { Milliseconds } from '../../types.ts';
import type { RedisServer } from '../store-url.ts';
import { newClient, type RedisClient } from './client.ts';
import { createProbe, moveProbeExpiry } from './tracking.ts';

/** The part of the time limit of a call that waiting may take. */
const WAIT_SHARE = 0.8;

export interface ReplicaWaitOptions {
  readonly server: RedisServer;
  readonly keyPrefix: string;
  /** How many replicas must have a change. */
  readonly replicas: number;
  /** The time limit of a call of the store. Waiting takes less, so that the caller gets the reason. */
  readonly timeoutMs: Milliseconds;
  readonly onError: (error: unknown) => void;
}

/**
 * Waits until replicas have the changes of this process (`WAIT`), on a connection of its own: `WAIT` delays all later commands
 * of its connection. Changes that are waiting share the next `WAIT`.
 */
export class ReplicaWait {
  readonly #client: RedisClient;
  readonly #options: ReplicaWaitOptions;
  #current: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(options: ReplicaWaitOptions) {
    this.#options = options;
    this.#client = newClient(options.server, false, options.timeoutMs);
    this.#client.on('error', options.onError);
  }

  async connect(): Promise<void> {
    await this.#client.connect();
  }

  /** Resolves once the replicas have all changes that the server has acknowledged so far. Rejects if they do not in time. */
  confirm(): Promise<void> {
    // The current one may have started before the change.
    this.#next ??= this.#waitAfter(this.#current, performance.now() + WAIT_SHARE * this.#options.timeoutMs);
    return this.#next;
  }

  destroy(): void {
    this.#client.destroy();
  }

  async #waitAfter(current: Promise<void>, endsAt: Milliseconds): Promise<void> {
    await current.catch(() => {});
    this.#current = this.#next as Promise<void>;
    this.#next = undefined;
    const { replicas } = this.#options;
    const confirmed = await this.#count(endsAt);
    if (confirmed < replicas) {
      throw new Error(`${confirmed} of ${replicas} replicas have the change`);
    }
  }

  /**
   * Returns how many replicas have the changes. `WAIT` covers those up to the latest one of its own connection. So the
   * connection makes one first.
   */
  async #count(endsAt: Milliseconds): Promise<number> {
    const { keyPrefix } = this.#options;
    const [moved, confirmed] = await Promise.all([moveProbeExpiry(this.#client, keyPrefix), this.#wait(endsAt)]);
    if (moved === 1) {
      return confirmed;
    }
    // The key was missing, so there was no change.
    const [, confirmedNow] = await Promise.all([createProbe(this.#client, keyPrefix), this.#wait(endsAt)]);
    return confirmedNow;
  }

  #wait(endsAt: Milliseconds): Promise<number> {
    // 0 would mean no limit.
    const limitMs = Math.max(1, Math.floor(endsAt - performance.now()));
    return this.#client.wait(this.#options.replicas, limitMs);
  }
}
