import { randomInt } from 'node:crypto';
import type { FailureCount, FailureCounter } from '../../users/failure-counter.ts';
import { encodeKey } from '../engine.ts';
import type { RedisConnection } from './connection.ts';

/** The largest number that `randomInt` takes. */
const MAX_WINDOW_ID = 2 ** 48 - 1;

/** Counts failures in Redis or Valkey, for all instances together. The windows follow the server's clock. */
export class RedisFailureCounter implements FailureCounter {
  readonly #connection: RedisConnection;
  readonly #name: string;
  readonly #windowMs: number;

  constructor(connection: RedisConnection, name: string, windowSeconds: number) {
    this.#connection = connection;
    this.#name = name;
    this.#windowMs = windowSeconds * 1000;
  }

  async get(key: string): Promise<FailureCount | undefined> {
    return this.#connection.client.getFailures(this.#keyOf(key));
  }

  async increment(key: string): Promise<FailureCount> {
    return this.#connection.client.incrementFailures(
      this.#keyOf(key),
      String(randomInt(MAX_WINDOW_ID)),
      this.#windowMs,
    );
  }

  async decrement(key: string, windowId: string, by: number): Promise<void> {
    await this.#connection.client.decrementFailures(this.#keyOf(key), windowId, by);
  }

  async take(key: string): Promise<number> {
    return this.#connection.client.takeFailures(this.#keyOf(key));
  }

  // Earlier versions kept numbers under `failures:NAME:KEY`.
  #keyOf(key: string): string {
    return `${this.#connection.keyPrefix}counter:${this.#name}:${encodeKey(key)}`;
  }
}
