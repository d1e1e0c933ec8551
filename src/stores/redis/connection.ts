import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorReply } from '@redis/client';
import type { Milliseconds } from '../../sessions/record.ts';
import type { StoreLog } from '../store-log.ts';
import { StoreNotOpened } from '../store-not-opened.ts';
import type { RedisServer } from '../store-url.ts';
import { within } from '../within.ts';
import { adviseOnSettings } from './advice.ts';
import { newClient, type RedisClient } from './client.ts';
import { assertTracking, isWithoutTracking } from './tracking.ts';

export interface RedisConnectionOptions {
  /** How long the server may take to answer a sign of life, in milliseconds. */
  readonly timeoutMs: Milliseconds;
  /** In front of every key. */
  readonly keyPrefix: string;
  readonly log: StoreLog;
}

/** How often the server is asked for a sign of life. */
const HEARTBEAT_MS = 250;
/** How long after a sign of life was asked for, and came, what the server told before it is taken to be all. */
const LEASE_MS = 1000;
const RETRY_MS = 250;

/**
 * A connection to a Redis or Valkey server that is made anew whenever it breaks or falls silent. Nothing queues: while
 * there is none, `client` throws.
 *
 * Where the server tells of keys that change (`CLIENT TRACKING`), `onInvalidate` hears of them, and of `null` for
 * all keys when some may have been missed.
 */
export class RedisConnection {
  readonly #server: RedisServer;
  readonly #options: RedisConnectionOptions;
  readonly #listeners: ((key: string | null) => void)[] = [];
  #tracking = true;
  #client: RedisClient | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #leaseEndsAt = 0;
  #closed = false;

  private constructor(server: RedisServer, options: RedisConnectionOptions) {
    this.#server = server;
    this.#options = options;
  }

  /**
   * Opens a connection. A server that cannot be reached is no reason to fail: it may come.
   * @throws StoreNotOpened when the server is there and will not have us.
   */
  static async open(server: RedisServer, options: RedisConnectionOptions): Promise<RedisConnection> {
    const connection = new RedisConnection(server, options);
    try {
      await connection.#connect();
    } catch (error) {
      if (isFinal(error)) {
        throw new StoreNotOpened(`The Redis server refuses us: ${(error as Error).message}`, {
          cause: error,
        });
      }
      options.log.warn({ err: error }, 'the store cannot be reached; requests that need it are answered 503');
      connection.#reconnect();
      return connection;
    }
    try {
      await adviseOnSettings(async () => connection.client.info(), options.log);
    } catch (error) {
      await connection.close();
      throw error;
    }
    return connection;
  }

  /** The client, connected. @throws when there is no connection. */
  get client(): RedisClient {
    if (this.#client === undefined) {
      throw new Error(this.#closed ? 'the Redis store is closed' : 'no connection to the Redis server');
    }
    return this.#client;
  }

  get keyPrefix(): string {
    return this.#options.keyPrefix;
  }

  /** Whether the server tells of keys that change. */
  get tracks(): boolean {
    return this.#tracking;
  }

  /**
   * Whether all that the server told until a moment ago has arrived: a sign of life comes after everything that was
   * told before it. Without one for a second, a connection that looks whole may have lost its other end.
   */
  get isCurrent(): boolean {
    return performance.now() < this.#leaseEndsAt;
  }

  onInvalidate(listener: (key: string | null) => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#heartbeat);
    const client = this.#client;
    this.#drop();
    client?.destroy();
  }

  async #connect(): Promise<void> {
    const client = newClient(this.#server, this.#tracking);
    client.on('error', (error) => this.#lose(client, error));
    client.on('invalidate', (key: Buffer | null) => this.#tell(key && String(key)));
    try {
      await within(2 * this.#options.timeoutMs + 500, this.#prepare(client), 'the Redis server');
    } catch (error) {
      client.destroy();
      if (this.#tracking && isWithoutTracking(error)) {
        this.#tracking = false;
        this.#options.log.warn({ err: error }, 'the store tells of no changes: every request asks it');
        return this.#connect();
      }
      throw error;
    }
    this.#use(client);
  }

  async #prepare(client: RedisClient): Promise<void> {
    await client.connect();
    if (this.#tracking) {
      await assertTracking(client, this.keyPrefix);
    }
  }

  #use(client: RedisClient): void {
    if (this.#closed) {
      client.destroy();
      return;
    }
    this.#client = client;
    this.#beat(client);
    this.#heartbeat = setInterval(() => this.#beat(client), HEARTBEAT_MS).unref();
  }

  #beat(client: RedisClient): void {
    const askedAt = performance.now();
    within(this.#options.timeoutMs, client.ping(), 'the Redis server').then(
      () => {
        if (this.#client === client) {
          this.#leaseEndsAt = askedAt + LEASE_MS;
        }
      },
      (error) => this.#lose(client, error),
    );
  }

  #lose(client: RedisClient, error: unknown): void {
    if (this.#client !== client) {
      return;
    }
    this.#drop();
    client.destroy();
    this.#options.log.warn({ err: error }, 'the connection to the store is lost');
    this.#reconnect();
  }

  #drop(): void {
    clearInterval(this.#heartbeat);
    this.#client = undefined;
    this.#leaseEndsAt = 0;
    this.#tell(null);
  }

  async #reconnect(): Promise<void> {
    let told: string | undefined;
    while (!this.#closed) {
      try {
        await this.#connect();
        this.#options.log.info({}, 'the connection to the store is back');
        return;
      } catch (error) {
        if (isFinal(error) && told !== (error as Error).message) {
          told = (error as Error).message;
          this.#options.log.warn({ err: error }, 'the store refuses the connection');
        }
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  #tell(key: string | null): void {
    for (const listener of this.#listeners) {
      listener(key);
    }
  }
}

/** Whether it is no use to try again: a wrong password, for example. A server that starts or is full may still come. */
function isFinal(error: unknown): boolean {
  return error instanceof ErrorReply && !/^(LOADING|ERR max number)/.test(error.message);
}
