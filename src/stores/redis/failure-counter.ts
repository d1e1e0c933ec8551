import { RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import type { FailureCounter } from '../../users/failure-counter.ts';
import { encodeKey } from '../engine.ts';
import type { RedisClient } from './client.ts';
import type { RedisConnection } from './connection.ts';

/** Counts failures in Redis or Valkey, for all instances together. */
export class RedisFailureCounter implements FailureCounter {
  readonly #connection: RedisConnection;
  readonly #name: string;
  readonly #windowSeconds: number;
  #client: RedisClient | undefined;
  #limiter: RateLimiterRedis | undefined;

  constructor(connection: RedisConnection, name: string, windowSeconds: number) {
    this.#connection = connection;
    this.#name = name;
    this.#windowSeconds = windowSeconds;
  }

  async get(key: string): Promise<RateLimiterRes | null> {
    return this.#current().get(encodeKey(key));
  }

  async penalty(key: string, points?: number): Promise<RateLimiterRes> {
    return this.#current().penalty(encodeKey(key), points);
  }

  async reward(key: string, points?: number): Promise<RateLimiterRes> {
    return this.#current().reward(encodeKey(key), points);
  }

  async take(key: string): Promise<number> {
    return Number(await this.#connection.client.getDel(this.#current().getKey(encodeKey(key))));
  }

  /** The library's limiter, made again for each new client: a reconnect makes one. */
  #current(): RateLimiterRedis {
    const { client, keyPrefix } = this.#connection;
    if (this.#limiter === undefined || client !== this.#client) {
      this.#client = client;
      this.#limiter = new RateLimiterRedis({
        storeClient: client,
        useRedisPackage: true,
        keyPrefix: `${keyPrefix}failures:${this.#name}`,
        points: Number.MAX_SAFE_INTEGER,
        duration: this.#windowSeconds,
      });
    }
    return this.#limiter;
  }
}
