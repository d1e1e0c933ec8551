import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, Milliseconds } from '../../types.ts';
import { type StoreLog, StoreOpenError, withTimeout } from '../engine.ts';
import type { RedisServer } from '../store-url.ts';
import { newClient, type RedisClient } from './client.ts';
import { asOpenError } from './error-replies.ts';
import { allowsOom, assertUsable, missingKey, probe, together } from './probes.ts';
import { checkServerConfig } from './server-check.ts';
import { ServerClock } from './server-clock.ts';
import { Tracking } from './tracking.ts';

export interface RedisConnectionOptions {
  /** The time limit for a ping. Connecting may take twice as long and half a second. */
  readonly timeoutMs: Milliseconds;
  /** The prefix of every key. */
  readonly keyPrefix: string;
  readonly log: StoreLog;
  /** The clock of this machine, which is compared with the clock of the server. Default `Date.now`. */
  readonly localClock?: Clock;
}

const PING_INTERVAL_MS = 250;
const RETRY_MS = 250;

/**
 * A connection to a Redis or Valkey server that reconnects when it breaks, the server falls silent or becomes a replica.
 * Each time it resolves the host name anew. Commands are not queued: without a connection, `client` throws.
 *
 * If the server supports `CLIENT TRACKING`, the listeners of `onInvalidate` get each key that changed, and `null` when
 * invalidations may have been missed.
 *
 * Why not the client's own options: `pingInterval` with `socketTimeout` does not detect a silent server under load,
 * because each write restarts the timeout. `reconnectStrategy` acts on socket errors only, and not on a missing reply.
 */
export class RedisConnection {
  readonly keyPrefix: string;
  /** Whether scripts may replace values while the memory of the server is full. */
  allowsOom = false;
  readonly #server: RedisServer;
  readonly #options: RedisConnectionOptions;
  readonly #clock: ServerClock;
  readonly #tracking: Tracking;
  #configChecked = false;
  #client: RedisClient | undefined;
  #pingTimer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(server: RedisServer, options: RedisConnectionOptions) {
    this.#server = server;
    this.#options = options;
    this.keyPrefix = options.keyPrefix;
    this.#clock = new ServerClock(options.log, options.localClock);
    this.#tracking = new Tracking(options.keyPrefix, options.log);
  }

  /**
   * Opens a connection. If the server cannot be reached, it logs a warning and keeps trying.
   * @throws StoreOpenError if the server rejects the connection, is too old, or will not execute our commands.
   */
  static async open(server: RedisServer, options: RedisConnectionOptions): Promise<RedisConnection> {
    const connection = new RedisConnection(server, options);
    try {
      await connection.#connect();
    } catch (error) {
      if (error instanceof StoreOpenError) {
        await connection.close();
        throw error;
      }
      options.log.warn({ err: error }, 'the store cannot be reached; requests that need it are answered 503');
      connection.#reconnect();
    }
    return connection;
  }

  /** The connected client. @throws if there is no connection. */
  get client(): RedisClient {
    if (this.#client === undefined) {
      throw new Error(this.#closed ? 'the Redis store is closed' : 'no connection to the Redis server');
    }
    return this.#client;
  }

  /** Whether the server reports keys that change. */
  get trackingEnabled(): boolean {
    return this.#tracking.isProvenFor(this.#client);
  }

  /** The time of the server. Without a connection it is computed from the latest one. */
  now(): Milliseconds {
    return this.#clock.now();
  }

  /** Rejects if the server does not answer or does not accept changes. A full server accepts endings, so it counts as usable. */
  async ping(): Promise<void> {
    await this.client.del(missingKey(this.keyPrefix));
  }

  /** Whether every invalidation up to about a second ago has arrived: the server sends them before the reply to a ping. */
  get hasLease(): boolean {
    return this.#tracking.hasLease;
  }

  onInvalidate(listener: (key: string | null) => void): void {
    this.#tracking.onInvalidate(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#disconnect();
  }

  /** @throws StoreOpenError if a retry is useless. */
  async #connect(): Promise<void> {
    const limitMs = 2 * this.#options.timeoutMs + 500;
    const client = newClient(this.#server, this.#tracking.isSupported, limitMs);
    client.on('error', (error) => this.#lose(client, error));
    client.on('invalidate', (key: Buffer | null) => this.#tracking.emit(key && String(key)));
    try {
      await withTimeout(limitMs, this.#prepare(client), 'the Redis server');
    } catch (error) {
      client.destroy();
      if (this.#tracking.disable(error)) {
        return this.#connect();
      }
      throw asOpenError(error);
    }
    if (this.#closed) {
      return client.destroy();
    }
    this.#client = client;
    this.#checkAlive(client);
    this.#pingTimer = setInterval(() => this.#checkAlive(client), PING_INTERVAL_MS).unref();
  }

  async #prepare(client: RedisClient): Promise<void> {
    await client.connect();
    const usable = together([
      assertUsable(client, this.keyPrefix, this.#clock),
      this.#checkConfig(client),
      allowsOom(client).then((allows) => {
        this.allowsOom = allows;
      }),
    ]);
    await together([usable, this.#tracking.prove(client, usable)]);
  }

  async #checkConfig(client: RedisClient): Promise<void> {
    if (!this.#configChecked) {
      await checkServerConfig(async () => client.info(), this.#options.log);
      this.#configChecked = true;
    }
  }

  async #checkAlive(client: RedisClient): Promise<void> {
    const sentAt = performance.now();
    try {
      await withTimeout(this.#options.timeoutMs, probe(client, this.keyPrefix, this.#clock), 'the Redis server');
      if (this.#client === client) {
        await this.#tracking.extendLease(client, sentAt);
      }
    } catch (error) {
      this.#lose(client, error);
    }
  }

  #lose(client: RedisClient, error: unknown): void {
    if (this.#client === client) {
      this.#disconnect();
      this.#options.log.warn({ err: error }, 'the connection to the store is lost');
      this.#reconnect();
    }
  }

  #disconnect(): void {
    const client = this.#client;
    clearInterval(this.#pingTimer);
    this.#client = undefined;
    this.#clock.expire();
    client?.destroy();
    this.#tracking.reset();
  }

  async #reconnect(): Promise<void> {
    let logged: string | undefined;
    while (!this.#closed) {
      try {
        await this.#connect();
        this.#options.log.info({}, 'the connection to the store is back');
        return;
      } catch (error) {
        if (error instanceof StoreOpenError && error.message !== logged) {
          logged = error.message;
          this.#options.log.warn({ err: error }, 'the store rejects the connection');
        }
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }
}
