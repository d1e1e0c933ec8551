import type { Clock, Milliseconds, SessionRecord } from '../../sessions/record.ts';
import type { SessionStore } from '../session-store.ts';
import { storeKey } from '../store-key.ts';
import type { RedisConnection } from './connection.ts';
import { NearCache } from './near-cache.ts';
import { decode, encode, prefixOf } from './versioned.ts';
import { walk } from './walk.ts';

export interface RedisSessionStoreOptions {
  /** Tells how long a record has to live. Default `Date.now`. */
  readonly clock?: Clock;
  /**
   * How many sessions this process keeps at hand at the most; the half that was used last is sure to be among them.
   * Default 10,000; 0 asks the server every time.
   */
  readonly cacheEntries?: number;
}

/** A record stays a little longer than its session: the rules judge time, and their clock may be behind. */
const GRACE_MS = 1000;

/**
 * Keeps sessions in Redis or Valkey, for any number of instances of the service: one key a session, which the server
 * drops when its time is up, and an index of ids for each user.
 *
 * Sessions that were found are kept at hand for as long as the server is known to tell of their changes.
 */
export class RedisSessionStore implements SessionStore {
  readonly #connection: RedisConnection;
  readonly #clock: Clock;
  readonly #cache: NearCache<SessionRecord>;
  readonly #caches: boolean;
  readonly #prefix: string;

  constructor(connection: RedisConnection, options: RedisSessionStoreOptions = {}) {
    const { clock = Date.now, cacheEntries = 10_000 } = options;
    this.#connection = connection;
    this.#clock = clock;
    this.#caches = cacheEntries > 0;
    this.#prefix = `${connection.keyPrefix}session:`;
    this.#cache = new NearCache({ maxEntries: cacheEntries });
    connection.onInvalidate((key) => (key === null ? this.#cache.clear() : this.#cache.invalidate(key)));
  }

  async create(record: SessionRecord): Promise<boolean> {
    await this.#note(record);
    const reply = await this.#connection.client.set(this.#keyOf(record.id), toText(record), {
      condition: 'NX',
      expiration: { type: 'PX', value: this.#timeToLive(record) },
    });
    return reply !== null;
  }

  find(id: string, latest = false): SessionRecord | undefined | Promise<SessionRecord | undefined> {
    const key = this.#keyOf(id);
    const kept = !latest && this.#connection.isCurrent ? this.#cache.get(key) : undefined;
    return kept ?? this.#load(key);
  }

  async replace(next: SessionRecord, expectedHash: string): Promise<boolean> {
    const key = this.#keyOf(next.id);
    await this.#note(next);
    const reply = await this.#connection.client.replaceVersion(
      key,
      prefixOf(expectedHash),
      toText(next),
      this.#timeToLive(next),
    );
    this.#cache.invalidate(key);
    return reply === 1;
  }

  async remove(id: string): Promise<boolean> {
    const key = this.#keyOf(id);
    const text = await this.#connection.client.getDel(key);
    this.#cache.invalidate(key);
    if (text === null) {
      return false;
    }
    await this.#forget(toRecord(text).username, [key]);
    return true;
  }

  async listByUser(username: string): Promise<SessionRecord[]> {
    const members = await this.#connection.client.zRange(this.#indexOf(username), 0, -1);
    const records = await Promise.all(members.map((member) => this.#read(`${this.#prefix}${member}`)));
    // An id that was noted and then turned out to be taken may belong to somebody else.
    return records.filter((record) => record?.username === username) as SessionRecord[];
  }

  async removeByUser(username: string, keep?: string): Promise<number> {
    const records = await this.listByUser(username);
    const keys = records.filter(({ id }) => id !== keep).map(({ id }) => this.#keyOf(id));
    const removed = await Promise.all(keys.map((key) => this.#delete(key)));
    await this.#forget(username, keys);
    return removed.reduce((sum, count) => sum + count, 0);
  }

  list(): AsyncIterable<SessionRecord> {
    return walk(this.#connection, this.#prefix, toRecord);
  }

  async ping(): Promise<void> {
    await this.#connection.client.ping();
  }

  /** Closes the connection, too. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  #load(key: string): Promise<SessionRecord | undefined> {
    const mayKeep = this.#caches && this.#connection.tracks;
    return mayKeep ? this.#cache.load(key, () => this.#read(key)) : this.#read(key);
  }

  async #read(key: string): Promise<SessionRecord | undefined> {
    const text = await this.#connection.client.get(key);
    return text === null ? undefined : toRecord(text);
  }

  /** Before the record itself: the index may hold too much, never too little. */
  async #note(record: SessionRecord): Promise<void> {
    await this.#connection.client.noteSession(
      this.#indexOf(record.username),
      storeKey(record.id),
      this.#timeToLive(record),
    );
  }

  /** The sessions have ended by now. That the index still holds them, should this fail, does no harm. */
  async #forget(username: string, keys: string[]): Promise<void> {
    if (keys.length > 0) {
      const members = keys.map((key) => key.slice(this.#prefix.length));
      await this.#connection.client.zRem(this.#indexOf(username), members).catch(() => {});
    }
  }

  async #delete(key: string): Promise<number> {
    const count = await this.#connection.client.del(key);
    this.#cache.invalidate(key);
    return count;
  }

  #timeToLive({ expiresAt }: SessionRecord): Milliseconds {
    return Math.ceil(Math.max(0, expiresAt - this.#clock())) + GRACE_MS;
  }

  #keyOf(id: string): string {
    return `${this.#prefix}${storeKey(id)}`;
  }

  #indexOf(username: string): string {
    return `${this.#connection.keyPrefix}sessions-of:${storeKey(username)}`;
  }
}

function toText({ secretHash, ...rest }: SessionRecord): string {
  return encode(secretHash, rest);
}

function toRecord(text: string): SessionRecord {
  const [secretHash, session] = decode<Omit<SessionRecord, 'secretHash'>>(text);
  // One by one, so that all have one shape: what a spread makes has a shape of its own, and is slow to read.
  const record = {
    id: session.id,
    secretHash,
    username: session.username,
    createdAt: session.createdAt,
    authenticatedAt: session.authenticatedAt,
    expiresAt: session.expiresAt,
    endsAt: session.endsAt,
    address: session.address,
    device: session.device,
  };
  const { replaced } = session;
  return Object.freeze(replaced === undefined ? record : Object.assign(record, { replaced }));
}
