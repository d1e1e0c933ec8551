import { StoreFull } from '../../errors.ts';
import { freezeRecord, type SessionOwner, type SessionRecord } from '../../sessions/session.ts';
import type { SessionStore } from '../../sessions/session-store.ts';
import { optionalFunction, readOptions, settings } from '../../settings.ts';
import type { Clock, Milliseconds } from '../../types.ts';
import { ownerKey } from '../engine.ts';
import { ShardedMap } from './sharded-map.ts';

export interface MemorySessionStoreOptions {
  /** The most sessions it keeps; `create` then throws `StoreFull`. Default 1,000,000. */
  readonly maxSessions?: number;
  /** Tells when a record has expired. Default `Date.now`. */
  readonly clock?: Clock;
}

const OPTIONS = { maxSessions: settings.maxSessions, clock: optionalFunction };

const SWEEP_INTERVAL_MS = 5000;
/** Records examined before other work gets its turn: this takes well under a millisecond. */
const SWEEP_STEP = 500;
/** How often a full store may look at all records at once. It blocks the event loop: some 50 ms for a million records. */
const SCAN_INTERVAL_MS = 1000;

/**
 * Keeps sessions in the memory of this process. They are gone when it ends, and no other process sees them. Every five
 * seconds it looks for expired records and removes them, in steps that do not block the event loop.
 */
export class MemorySessionStore implements SessionStore {
  readonly #records = new ShardedMap<SessionRecord>();
  readonly #idsByUser = new ShardedMap<Set<string>>();
  readonly #maxSessions: number;
  readonly #clock: Clock;
  readonly #timer: NodeJS.Timeout;
  /** The sweep in progress, and its next step. */
  #pass: Iterator<SessionRecord> | undefined;
  #next: NodeJS.Immediate | undefined;
  /** No record expires before this moment. */
  #nextExpiryAt = Number.POSITIVE_INFINITY;
  /** When a full store may look for expired records again. */
  #nextScanAt = 0;
  #closed = false;

  /** @throws TypeError if an option is unknown or not allowed. */
  constructor(options: MemorySessionStoreOptions = {}) {
    const { maxSessions, clock = Date.now } = readOptions('MemorySessionStore', OPTIONS, options);
    this.#maxSessions = maxSessions;
    this.#clock = clock;
    this.#timer = setInterval(() => this.#startSweep(), SWEEP_INTERVAL_MS).unref();
  }

  /** How many records it keeps, including expired ones that no sweep has reached yet. */
  get size(): number {
    return this.#records.size;
  }

  /** @throws StoreFull if it keeps `maxSessions` records that have not expired. */
  create(record: SessionRecord): boolean {
    this.#assertOpen();
    const { id, expiresAt } = record.session;
    if (this.#records.has(id)) {
      return false;
    }
    this.#makeRoom();
    this.#records.set(id, freezeRecord(record));
    this.#nextExpiryAt = Math.min(this.#nextExpiryAt, expiresAt);
    const owner = ownerKey(record.session);
    const ids = this.#idsByUser.get(owner);
    if (ids === undefined) {
      this.#idsByUser.set(owner, new Set([id]));
    } else {
      ids.add(id);
    }
    return true;
  }

  find(id: string): SessionRecord | undefined {
    this.#assertOpen();
    return this.#records.get(id);
  }

  replace(next: SessionRecord, expectedVersion: string): boolean {
    this.#assertOpen();
    const { id, expiresAt } = next.session;
    if (this.#records.get(id)?.version !== expectedVersion) {
      return false;
    }
    this.#records.set(id, freezeRecord(next));
    this.#nextExpiryAt = Math.min(this.#nextExpiryAt, expiresAt);
    return true;
  }

  remove(id: string): boolean {
    this.#assertOpen();
    const record = this.#records.get(id);
    if (record === undefined) {
      return false;
    }
    this.#records.delete(id);
    const owner = ownerKey(record.session);
    const ids = this.#idsByUser.get(owner);
    ids?.delete(id);
    if (ids?.size === 0) {
      this.#idsByUser.delete(owner);
    }
    return true;
  }

  listByUser(owner: SessionOwner): SessionRecord[] {
    this.#assertOpen();
    const ids = this.#idsByUser.get(ownerKey(owner)) ?? [];
    return [...ids].map((id) => this.#records.get(id) as SessionRecord);
  }

  removeByUser(owner: SessionOwner, keep?: string): number {
    const records = this.listByUser(owner).filter(({ session }) => session.id !== keep);
    for (const { session } of records) {
      this.remove(session.id);
    }
    return records.length;
  }

  list(): Iterable<SessionRecord> {
    this.#assertOpen();
    return this.#records.values();
  }

  ping(): void {
    this.#assertOpen();
  }

  close(): void {
    clearInterval(this.#timer);
    clearImmediate(this.#next);
    this.#closed = true;
    this.#records.clear();
    this.#idsByUser.clear();
  }

  #assertOpen(): void {
    if (this.#closed) {
      throw new Error('the session store is closed');
    }
  }

  #makeRoom(): void {
    const now = this.#clock();
    if (this.#records.size >= this.#maxSessions && now >= this.#nextExpiryAt && now >= this.#nextScanAt) {
      this.#nextScanAt = now + SCAN_INTERVAL_MS;
      this.#removeExpired(now);
    }
    if (this.#records.size >= this.#maxSessions) {
      throw new StoreFull();
    }
  }

  #removeExpired(now: Milliseconds): void {
    this.#nextExpiryAt = Number.POSITIVE_INFINITY;
    for (const { session } of this.#records.values()) {
      if (session.expiresAt <= now) {
        this.remove(session.id);
      } else {
        this.#nextExpiryAt = Math.min(this.#nextExpiryAt, session.expiresAt);
      }
    }
  }

  #startSweep(): void {
    if (this.#pass === undefined) {
      this.#pass = this.#records.values();
      this.#sweepStep(this.#pass);
    }
  }

  #sweepStep(pass: Iterator<SessionRecord>): void {
    const now = this.#clock();
    for (let i = 0; i < SWEEP_STEP; i++) {
      const { value, done } = pass.next();
      if (done) {
        this.#pass = undefined;
        return;
      }
      if (value.session.expiresAt <= now) {
        this.remove(value.session.id);
      }
    }
    this.#next = setImmediate(() => this.#sweepStep(pass));
  }
}
