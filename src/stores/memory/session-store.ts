import { StoreFull } from '../../errors.ts';
import type { Clock, SessionRecord } from '../../sessions/record.ts';
import type { SessionStore } from '../session-store.ts';
import { ExpiryBuckets } from './expiry-buckets.ts';
import { addTo, removeFrom } from './sets.ts';
import { ShardedMap } from './sharded-map.ts';

export interface MemorySessionStoreOptions {
  /** How many sessions it holds at the most; `create` throws `StoreFull` past it. Default 1,000,000. */
  readonly maxSessions?: number;
  /** Tells when a record is due to be swept. Default `Date.now`. */
  readonly clock?: Clock;
}

const SWEEP_INTERVAL_MS = 1000;
/** Records removed before other work gets its turn: well under a millisecond. */
const SWEEP_STEP = 100;

/**
 * Keeps sessions in the memory of this process: they are gone when it ends, and no other process sees them.
 * Once a second it drops the expired ones, in steps that never hold up the event loop for long.
 */
export class MemorySessionStore implements SessionStore {
  readonly #records = new ShardedMap<SessionRecord>();
  readonly #byUser = new ShardedMap<Set<SessionRecord>>();
  readonly #expiry = new ExpiryBuckets<SessionRecord>();
  readonly #maxSessions: number;
  readonly #clock: Clock;
  readonly #timer: NodeJS.Timeout;
  #closed = false;

  constructor({ maxSessions = 1_000_000, clock = Date.now }: MemorySessionStoreOptions = {}) {
    this.#maxSessions = maxSessions;
    this.#clock = clock;
    this.#timer = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS).unref();
  }

  /** How many records it holds, those included that have expired and are not swept yet. */
  get size(): number {
    return this.#records.size;
  }

  /** @throws StoreFull when it holds `maxSessions` records that have not expired. */
  create(record: SessionRecord): boolean {
    this.#assertOpen();
    if (this.#records.has(record.id)) {
      return false;
    }
    this.#makeRoom();
    this.#add(record);
    return true;
  }

  find(id: string): SessionRecord | undefined {
    this.#assertOpen();
    return this.#records.get(id);
  }

  replace(next: SessionRecord, expectedHash: string): boolean {
    this.#assertOpen();
    const current = this.#records.get(next.id);
    if (current?.secretHash !== expectedHash) {
      return false;
    }
    this.#drop(current);
    this.#add(next);
    return true;
  }

  remove(id: string): boolean {
    this.#assertOpen();
    const record = this.#records.get(id);
    if (record !== undefined) {
      this.#drop(record);
    }
    return record !== undefined;
  }

  listByUser(username: string): SessionRecord[] {
    this.#assertOpen();
    return [...(this.#byUser.get(username) ?? [])];
  }

  removeByUser(username: string, keep?: string): number {
    const ended = this.listByUser(username).filter(({ id }) => id !== keep);
    for (const record of ended) {
      this.#drop(record);
    }
    return ended.length;
  }

  list(): Iterable<SessionRecord> {
    this.#assertOpen();
    return [...this.#records.values()];
  }

  ping(): void {
    this.#assertOpen();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#closed = true;
    this.#records.clear();
    this.#byUser.clear();
    this.#expiry.clear();
  }

  #assertOpen(): void {
    if (this.#closed) {
      throw new Error('the session store is closed');
    }
  }

  #makeRoom(): void {
    if (this.#records.size >= this.#maxSessions) {
      this.#dropExpired();
    }
    if (this.#records.size >= this.#maxSessions) {
      throw new StoreFull();
    }
  }

  #sweep(): void {
    const mayBeMore = this.#dropExpired() === SWEEP_STEP;
    if (mayBeMore) {
      setImmediate(() => this.#sweep()).unref();
    }
  }

  #dropExpired(): number {
    const due = this.#expiry.due(this.#clock(), SWEEP_STEP);
    for (const record of due) {
      this.#drop(record);
    }
    return due.length;
  }

  #add(given: SessionRecord): void {
    const record = Object.freeze({ ...given });
    this.#records.set(record.id, record);
    this.#expiry.add(record);
    addTo(this.#byUser, record.username, record);
  }

  #drop(record: SessionRecord): void {
    this.#records.delete(record.id);
    this.#expiry.delete(record);
    removeFrom(this.#byUser, record.username, record);
  }
}
