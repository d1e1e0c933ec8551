import type { Milliseconds } from '../../types.ts';
import type { RedisServer } from '../store-url.ts';
import { newClient, type RedisClient } from './client.ts';
import { moveProbeExpiry } from './tracking.ts';

export interface ReplicaWaitOptions {
  readonly server: RedisServer;
  readonly keyPrefix: string;
  /** How many replicas must have a change. */
  readonly replicas: number;
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

  /** Also checks that the server executes `WAIT`. */
  async connect(): Promise<void> {
    await this.#client.connect();
    await this.#client.wait(0, 1);
  }

  /** Resolves once the replicas have all changes that the server has acknowledged so far. Rejects if they do not in time. */
  confirm(): Promise<void> {
    // The current one may have started before the change.
    this.#next ??= this.#current
      .catch(() => {})
      .then(() => {
        this.#current = this.#next as Promise<void>;
        this.#next = undefined;
        return this.#wait();
      });
    return this.#next;
  }

  destroy(): void {
    this.#client.destroy();
  }

  /** `WAIT` covers the changes up to the latest one of its own connection. So the connection makes one first. */
  async #wait(): Promise<void> {
    const { replicas, timeoutMs, keyPrefix } = this.#options;
    const [, confirmed] = await Promise.all([
      moveProbeExpiry(this.#client, keyPrefix),
      this.#client.wait(replicas, timeoutMs),
    ]);
    if (confirmed < replicas) {
      throw new Error(`${confirmed} of ${replicas} replicas have the change`);
    }
  }
}
