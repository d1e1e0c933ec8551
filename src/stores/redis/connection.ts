import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, Milliseconds } from '../../types.ts';
import { type StoreLog, StoreOpenError } from '../engine.ts';
import type { RedisGroup, RedisServer } from '../store-url.ts';
import type { RedisClient } from './client.ts';
import { asOpenError } from './error-replies.ts';
import { hashTagged } from './hash-tag.ts';
import { Link, type LinkOptions } from './link.ts';
import { aloneOn, PrimaryFinder } from './primary.ts';
import { missingKey } from './probes.ts';
import { ServerClock } from './server-clock.ts';
import { Tracking } from './tracking.ts';

export interface RedisConnectionOptions {
  /** The time limit for a ping. Connecting may take twice as long and half a second. */
  readonly timeoutMs: Milliseconds;
  /** The prefix of every key. In a cluster it becomes a hash tag. */
  readonly keyPrefix: string;
  /** How many replicas must have a change of a session or a user before it is acknowledged. Default 0. */
  readonly waitReplicas?: number;
  readonly log: StoreLog;
  /** The clock of this machine, which is compared with the clock of the server. Default `Date.now`. */
  readonly localClock?: Clock;
}

const RETRY_MS = 250;

/**
 * A connection to a Redis or Valkey server that reconnects when it breaks, the server falls silent or becomes a replica.
 * Each time it asks for the primary, or resolves the host name, anew. Commands are not queued: without a connection, `client`
 * throws.
 *
 * If the server supports `CLIENT TRACKING`, the listeners of `onInvalidate` get each key that changed, and `null` when
 * invalidations may have been missed.
 *
 * Why not the client's own options: `pingInterval` with `socketTimeout` does not detect a silent server under load,
 * because each write restarts the timeout. `reconnectStrategy` acts on socket errors only, and not on a missing reply.
 */
export class RedisConnection {
  readonly #server: RedisServer | RedisGroup;
  readonly #finder: PrimaryFinder | undefined;
  readonly #options: LinkOptions;
  #link: Link | undefined;
  #closed = false;

  private constructor(server: RedisServer | RedisGroup, options: RedisConnectionOptions) {
    const { log, timeoutMs, waitReplicas = 0 } = options;
    const group = 'members' in server ? server : undefined;
    const isCluster = group?.kind === 'cluster';
    const keyPrefix = isCluster ? hashTagged(options.keyPrefix) : options.keyPrefix;
    this.#server = server;
    this.#finder = group && new PrimaryFinder(group, keyPrefix, timeoutMs);
    const [clock, tracking] = [new ServerClock(log, options.localClock), new Tracking(keyPrefix, log)];
    this.#options = { keyPrefix, isCluster, timeoutMs, waitReplicas, log, clock, tracking, checked: new Set() };
  }

  /**
   * Opens a connection. If the server cannot be reached, it logs a warning and keeps trying.
   * @throws StoreOpenError if the server rejects the connection, is too old, or will not execute our commands.
   */
  static async open(server: RedisServer | RedisGroup, options: RedisConnectionOptions): Promise<RedisConnection> {
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
    if (this.#link === undefined) {
      throw new Error(this.#closed ? 'the Redis store is closed' : 'no connection to the Redis server');
    }
    return this.#link.client;
  }

  /** The prefix of every key. In a cluster it contains a hash tag. */
  get keyPrefix(): string {
    return this.#options.keyPrefix;
  }

  /** Whether scripts may replace values while the memory of the server is full. */
  get allowsOom(): boolean {
    return this.#link?.allowsOom === true;
  }

  /** Whether the server reports keys that change. */
  get trackingEnabled(): boolean {
    return this.#options.tracking.isProvenFor(this.#link?.client);
  }

  /** The time of the server. Without a connection it is computed from the latest one. */
  now(): Milliseconds {
    return this.#options.clock.now();
  }

  /** Rejects if the server accepts no changes, or its replicas do not confirm them. A full server accepts endings: it is usable. */
  async ping(): Promise<void> {
    const { client } = this;
    await client.del(missingKey(this.keyPrefix));
    await this.confirmReplicated(client);
  }

  /** Whether every invalidation up to about a second ago has arrived: the server sends them before the reply to a ping. */
  get hasLease(): boolean {
    return this.#options.tracking.hasLease;
  }

  /**
   * Resolves once `waitReplicas` replicas have every change that the server has acknowledged. Rejects if they do not in time, or
   * if the connection was lost since a change: `client` is the one that made it.
   */
  async confirmReplicated(client: RedisClient): Promise<void> {
    if (this.#options.waitReplicas > 0) {
      if (this.#link?.client !== client) {
        throw new Error('the connection was lost before replicas had the change');
      }
      await this.#link.replicaWait?.confirm();
    }
  }

  onInvalidate(listener: (key: string | null) => void): void {
    this.#options.tracking.onInvalidate(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#disconnect();
    this.#finder?.close();
  }

  /** @throws StoreOpenError if a retry is useless. */
  async #connect(): Promise<Link> {
    // A server that belongs to no group is the primary.
    const primary = (await this.#finder?.find()) ?? aloneOn(this.#server as RedisServer);
    const link = new Link(primary, this.#options, (failed, error) => this.#lose(failed, error));
    try {
      await link.open();
    } catch (error) {
      if (this.#options.tracking.disable(error)) {
        return this.#connect();
      }
      throw asOpenError(error);
    }
    if (this.#closed) {
      link.destroy();
      throw new Error('the Redis store was closed while it connected');
    }
    this.#link = link;
    link.watch(this.#finder);
    return link;
  }

  #lose(link: Link, error: unknown): void {
    if (this.#link === link) {
      this.#disconnect();
      this.#options.log.warn({ err: error, server: link.primary.address }, 'the connection to the store is lost');
      this.#reconnect();
    }
  }

  #disconnect(): void {
    const link = this.#link;
    this.#link = undefined;
    this.#options.clock.expire();
    link?.destroy();
    this.#options.tracking.reset();
  }

  async #reconnect(): Promise<void> {
    const { log } = this.#options;
    let logged: string | undefined;
    while (!this.#closed) {
      try {
        const { primary } = await this.#connect();
        log.info({ server: primary.address }, 'the connection to the store is back');
        return;
      } catch (error) {
        if (error instanceof StoreOpenError && error.message !== logged) {
          logged = error.message;
          log.warn({ err: error }, 'the store rejects the connection');
        }
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }
}
