import { StoreFull } from '../../errors.ts';
import type { Clock, SessionRecord } from '../../sessions/record.ts';
import type { SessionStore } from '../session-store.ts';
import { ExpiryBuckets } from './expiry-buckets.ts';
import { RecordTable, type Slot } from './record-table.ts';
import { ShardedMap } from './sharded-map.ts';
import { SlotLists } from './slot-lists.ts';

export interface MemorySessionStoreOptions {
  /** How many sessions it holds at the most; `create` throws `StoreFull` past it. Default 1,000,000. */
  readonly maxSessions?: number;
  /** Tells when a record is due to be swept. Default `Date.now`. */
  readonly clock?: Clock;
}

const SWEEP_INTERVAL_MS = 1000;
/** Records removed before other work gets its turn: well under a millisecond, unless the clock has leapt. */
const SWEEP_STEP = 100;

/**
 * Keeps sessions in the memory of this process: they are gone when it ends, and no other process sees them.
 * Once a second it drops the expired ones, in steps that never hold up the event loop for long.
 */
export class MemorySessionStore implements SessionStore {
  readonly #table = new RecordTable();
  readonly #byId = new ShardedMap<Slot>();
  readonly #byUser = new SlotLists<string>(new ShardedMap<Slot>());
  readonly #expiry = new ExpiryBuckets((slot) => this.#table.expiresAt(slot));
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
    return this.#byId.size;
  }

  /** @throws StoreFull when it holds `maxSessions` records that have not expired. */
  create(record: SessionRecord): boolean {
    this.#assertOpen();
    if (this.#byId.has(record.id)) {
      return false;
    }
    this.#makeRoom();
    const slot = this.#table.add(record);
    this.#byId.set(record.id, slot);
    this.#byUser.add(record.username, slot);
    this.#expiry.add(slot);
    return true;
  }

  find(id: string): SessionRecord | undefined {
    this.#assertOpen();
    const slot = this.#byId.get(id);
    return slot === undefined ? undefined : this.#table.get(slot);
  }

  replace(next: SessionRecord, expectedHash: string): boolean {
    this.#assertOpen();
    const slot = this.#byId.get(next.id);
    if (slot === undefined || this.#table.get(slot).secretHash !== expectedHash) {
      return false;
    }
    this.#expiry.delete(slot);
    this.#table.set(slot, next);
    this.#expiry.add(slot);
    return true;
  }

  remove(id: string): boolean {
    this.#assertOpen();
    const slot = this.#byId.get(id);
    if (slot !== undefined) {
      this.#drop(slot);
    }
    return slot !== undefined;
  }

  listByUser(username: string): SessionRecord[] {
    this.#assertOpen();
    return [...this.#byUser.slots(username)].map((slot) => this.#table.get(slot));
  }

  removeByUser(username: string, keep?: string): number {
    const ended = this.listByUser(username).filter(({ id }) => id !== keep);
    for (const { id } of ended) {
      this.remove(id);
    }
    return ended.length;
  }

  list(): Iterable<SessionRecord> {
    this.#assertOpen();
    return this.#list();
  }

  ping(): void {
    this.#assertOpen();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#closed = true;
    this.#byId.clear();
    this.#byUser.clear();
    this.#expiry.clear();
    this.#table.clear();
  }

  #assertOpen(): void {
    if (this.#closed) {
      throw new Error('the session store is closed');
    }
  }

  #makeRoom(): void {
    if (this.#byId.size >= this.#maxSessions) {
      this.#dropExpired();
    }
    if (this.#byId.size >= this.#maxSessions) {
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
    for (const slot of due) {
      this.#drop(slot);
    }
    return due.length;
  }

  #drop(slot: Slot): void {
    const { id, username } = this.#table.get(slot);
    this.#byId.delete(id);
    this.#byUser.delete(username, slot);
    this.#expiry.delete(slot);
    this.#table.delete(slot);
  }

  *#list(): Iterable<SessionRecord> {
    for (const slot of this.#byId.values()) {
      yield this.#table.get(slot);
    }
  }
}
