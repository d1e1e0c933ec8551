import type { SessionOwner, SessionRecord } from '../../sessions/session.ts';
import type { SessionStore } from '../../sessions/session-store.ts';
import { readListedRecord, type StoredRecord, storedSession } from '../../sessions/stored-session.ts';
import type { Clock, Milliseconds } from '../../types.ts';
import { encodeKey, ownerKey } from '../engine.ts';
import type { RedisClient } from './client.ts';
import type { RedisConnection } from './connection.ts';
import { NearCache } from './near-cache.ts';
import { parse, toRecord, toText } from './session-text.ts';
import { prefixOf, scan } from './values.ts';

export interface RedisSessionStoreOptions {
  /** Used to compute the time to live of a record. Default: the clock of the server. */
  readonly clock?: Clock;
  /**
   * The most sessions that this process caches. The half that was used last is always among them. Default 10,000; 0
   * disables the cache.
   */
  readonly cacheEntries?: number;
}

/** A record is kept a little longer than its session, because the time of the server is known only approximately. */
const GRACE_MS = 1000;

/**
 * Keeps sessions in Redis or Valkey, shared by any number of instances: one key for each session, which the server removes
 * after its time to live, and an index of ids for each user.
 *
 * Records that were found are cached as long as the connection is known to report changes.
 */
export class RedisSessionStore implements SessionStore {
  readonly #connection: RedisConnection;
  readonly #clock: Clock;
  readonly #cache: NearCache<SessionRecord>;
  readonly #cacheEnabled: boolean;
  readonly #prefix: string;

  constructor(connection: RedisConnection, options: RedisSessionStoreOptions = {}) {
    const { clock = () => connection.now(), cacheEntries = 10_000 } = options;
    this.#connection = connection;
    this.#clock = clock;
    this.#cacheEnabled = cacheEntries > 0;
    this.#prefix = `${connection.keyPrefix}session:`;
    this.#cache = new NearCache({ maxEntries: cacheEntries });
    connection.onInvalidate((key) => (key === null ? this.#cache.clear() : this.#cache.invalidate(key)));
  }

  async create(record: SessionRecord): Promise<boolean> {
    const { client } = this.#connection;
    await client.indexSession(...this.#indexEntry(record));
    const reply = await client.set(this.#keyOf(record.session.id), toText(record), {
      condition: 'NX',
      expiration: { type: 'PX', value: this.#timeToLive(record) },
    });
    const isCreated = reply !== null;
    try {
      await this.#connection.confirmReplicated(client);
    } catch (error) {
      if (isCreated) {
        // The sign-in fails, so nobody has the token. If this fails as well, the session lasts until it expires.
        await this.#take(client, record.session.id).catch(() => {});
      }
      throw error;
    }
    return isCreated;
  }

  find(id: string, latest = false): SessionRecord | undefined | Promise<SessionRecord | undefined> {
    const key = this.#keyOf(id);
    const cached = !latest && this.#connection.hasLease ? this.#cache.get(key) : undefined;
    return cached ?? this.#load(key);
  }

  async replace(next: SessionRecord, expectedVersion: string): Promise<boolean> {
    const { client, allowsOom } = this.#connection;
    const key = this.#keyOf(next.session.id);
    // A refresh needs no room, so a full server keeps nobody from it.
    await client[allowsOom ? 'indexSessionWhenFull' : 'indexSession'](...this.#indexEntry(next));
    const replaceVersion = allowsOom ? 'replaceVersionWhenFull' : 'replaceVersion';
    const reply = await client[replaceVersion](key, prefixOf(expectedVersion), toText(next), this.#timeToLive(next));
    this.#cache.invalidate(key);
    await this.#connection.confirmReplicated(client);
    return reply === 1;
  }

  async remove(id: string): Promise<boolean> {
    const { client } = this.#connection;
    const isRemoved = await this.#take(client, id);
    // Also if there was none: the session may have been removed by a call that was not confirmed.
    await this.#connection.confirmReplicated(client);
    return isRemoved;
  }

  async listByUser(owner: SessionOwner): Promise<SessionRecord[]> {
    return (await this.#ofUser(owner)).map(readListedRecord);
  }

  async removeByUser(owner: SessionOwner, keep?: string): Promise<number> {
    const { client } = this.#connection;
    const keys = (await this.#ofUser(owner))
      .map((stored) => storedSession(stored).id)
      .filter((id) => id !== keep)
      .map((id) => this.#keyOf(id));
    const removed = await Promise.all(keys.map((key) => this.#delete(key)));
    await this.#unindexSession(client, owner, keys);
    await this.#connection.confirmReplicated(client);
    return removed.reduce((sum, count) => sum + count, 0);
  }

  list(): AsyncIterable<SessionRecord> {
    return scan(this.#connection, this.#prefix, (text) => readListedRecord(parse(text)));
  }

  now(): Milliseconds {
    return this.#connection.now();
  }

  ping(): Promise<void> {
    return this.#connection.ping();
  }

  /** Also closes the connection. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  #load(key: string): Promise<SessionRecord | undefined> {
    const cacheable = this.#cacheEnabled && this.#connection.trackingEnabled;
    return cacheable ? this.#cache.load(key, () => this.#read(key)) : this.#read(key);
  }

  async #read(key: string): Promise<SessionRecord | undefined> {
    const text = await this.#connection.client.get(key);
    return text === null ? undefined : toRecord(text);
  }

  async #ofUser(owner: SessionOwner): Promise<StoredRecord[]> {
    const { client } = this.#connection;
    const members = await client.zRange(this.#indexOf(owner), 0, -1);
    const texts = await Promise.all(members.map((member) => client.get(`${this.#prefix}${member}`)));
    const records = texts.filter((text) => text !== null).map(parse);
    // An id that was indexed before `create` failed may belong to another user.
    return records.filter((stored) => this.#indexOf(storedSession(stored)) === this.#indexOf(owner));
  }

  /**
   * The arguments of the script that indexes a session. It runs before the record is written: the index may have an id too
   * many, but never one too few.
   */
  #indexEntry(record: SessionRecord): [key: string, member: string, ttl: Milliseconds] {
    return [this.#indexOf(record.session), encodeKey(record.session.id), this.#timeToLive(record)];
  }

  /** Never rejects: the sessions have ended already, and a surplus id in the index has no effect. */
  async #unindexSession(client: RedisClient, owner: SessionOwner, keys: string[]): Promise<void> {
    try {
      const members = keys.map((key) => key.slice(this.#prefix.length));
      if (members.length > 0) {
        await client.zRem(this.#indexOf(owner), members);
      }
    } catch {
      // The index has an id too many.
    }
  }

  /** Removes a session without waiting for replicas. */
  async #take(client: RedisClient, id: string): Promise<boolean> {
    const key = this.#keyOf(id);
    const text = await client.getDel(key);
    this.#cache.invalidate(key);
    if (text !== null) {
      // Not awaited: the result does not depend on it.
      this.#unindexSession(client, storedSession(parse(text)), [key]);
    }
    return text !== null;
  }

  async #delete(key: string): Promise<number> {
    const count = await this.#connection.client.del(key);
    this.#cache.invalidate(key);
    return count;
  }

  #timeToLive({ session }: SessionRecord): Milliseconds {
    return Math.ceil(Math.max(0, session.expiresAt - this.#clock())) + GRACE_MS;
  }

  #keyOf(id: string): string {
    return `${this.#prefix}${encodeKey(id)}`;
  }

  #indexOf(owner: SessionOwner): string {
    return `${this.#connection.keyPrefix}sessions-of:${ownerKey(owner)}`;
  }
}
