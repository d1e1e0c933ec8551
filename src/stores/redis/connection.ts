import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorReply } from '@redis/client';
import type { Milliseconds } from '../../types.ts';
import { type StoreLog, StoreOpenError, withTimeout } from '../engine.ts';
import type { RedisServer } from '../store-url.ts';
import { assertTracking, isWithoutTracking, newClient, type RedisClient } from './client.ts';
import { checkServerConfig } from './server-check.ts';

export interface RedisConnectionOptions {
  /** The time limit for a ping. Connecting may take twice as long and half a second. */
  readonly timeoutMs: Milliseconds;
  /** The prefix of every key. */
  readonly keyPrefix: string;
  readonly log: StoreLog;
}

const PING_INTERVAL_MS = 250;
/** How long the cache is trusted after an answered ping was sent. */
const LEASE_MS = 1000;
const RETRY_MS = 250;

/**
 * A connection to a Redis or Valkey server that reconnects when it breaks or the server falls silent. Commands are not
 * queued: without a connection, `client` throws.
 *
 * If the server supports `CLIENT TRACKING`, the listeners of `onInvalidate` get each key that changed, and `null` when
 * invalidations may have been missed.
 *
 * Why not the client's own options: `pingInterval` with `socketTimeout` does not detect a silent server under load,
 * because each write restarts the timeout. `reconnectStrategy` acts on socket errors only, and a ping without a reply
 * or a failed check for tracking needs a new connection, too.
 */
export class RedisConnection {
  readonly #server: RedisServer;
  readonly #options: RedisConnectionOptions;
  readonly #listeners: ((key: string | null) => void)[] = [];
  #tracking = true;
  #client: RedisClient | undefined;
  #pingTimer: NodeJS.Timeout | undefined;
  #leaseEndsAt = 0;
  #closed = false;

  private constructor(server: RedisServer, options: RedisConnectionOptions) {
    this.#server = server;
    this.#options = options;
  }

  /**
   * Opens a connection. If the server cannot be reached, it logs a warning and keeps trying.
   * @throws StoreOpenError if the server rejects the connection or is too old.
   */
  static async open(server: RedisServer, options: RedisConnectionOptions): Promise<RedisConnection> {
    const connection = new RedisConnection(server, options);
    try {
      await connection.#connect();
      await checkServerConfig(async () => connection.client.info(), options.log);
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

  get keyPrefix(): string {
    return this.#options.keyPrefix;
  }

  /** Whether the server reports keys that change. */
  get trackingEnabled(): boolean {
    return this.#tracking;
  }

  /**
   * Whether every invalidation up to about a second ago has arrived. The server sends them before the reply to a later
   * ping, so an answered ping proves it.
   */
  get hasLease(): boolean {
    return performance.now() < this.#leaseEndsAt;
  }

  onInvalidate(listener: (key: string | null) => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#disconnect();
  }

  /** @throws StoreOpenError if a retry is useless. */
  async #connect(): Promise<void> {
    const limitMs = 2 * this.#options.timeoutMs + 500;
    const client = newClient(this.#server, this.#tracking, limitMs);
    client.on('error', (error) => this.#lose(client, error));
    client.on('invalidate', (key: Buffer | null) => this.#emitInvalidation(key && String(key)));
    try {
      await withTimeout(limitMs, this.#prepare(client), 'the Redis server');
    } catch (error) {
      client.destroy();
      if (this.#tracking && isWithoutTracking(error)) {
        this.#tracking = false;
        this.#options.log.warn({ err: error }, 'the store does not report changes: every request reads it');
        return this.#connect();
      }
      throw asOpenError(error);
    }
    if (this.#closed) {
      return client.destroy();
    }
    this.#client = client;
    this.#ping(client);
    this.#pingTimer = setInterval(() => this.#ping(client), PING_INTERVAL_MS).unref();
  }

  async #prepare(client: RedisClient): Promise<void> {
    await client.connect();
    if (this.#tracking) {
      await assertTracking(client, this.keyPrefix);
    }
  }

  async #ping(client: RedisClient): Promise<void> {
    const sentAt = performance.now();
    try {
      await withTimeout(this.#options.timeoutMs, client.ping(), 'the Redis server');
      if (this.#client === client) {
        this.#leaseEndsAt = sentAt + LEASE_MS;
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
    this.#leaseEndsAt = 0;
    client?.destroy();
    this.#emitInvalidation(null);
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

  #emitInvalidation(key: string | null): void {
    for (const listener of this.#listeners) {
      listener(key);
    }
  }
}

/** Turns an error reply, such as a wrong password, into a StoreOpenError. A server that is loading or full may recover. */
function asOpenError(error: unknown): unknown {
  return error instanceof ErrorReply && !/^(LOADING|ERR max number)/.test(error.message)
    ? new StoreOpenError(`The Redis server rejects the connection: ${error.message}`, { cause: error })
    : error;
}
