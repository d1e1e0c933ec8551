import type { Database } from 'lmdb';
import { StoreFull } from '../../errors.ts';
import type { SessionOwner, SessionRecord } from '../../sessions/session.ts';
import type { SessionStore } from '../../sessions/session-store.ts';
import {
  readListedRecord,
  readSessionRecord,
  type StoredRecord,
  storedSession,
} from '../../sessions/stored-session.ts';
import type { Clock, Milliseconds } from '../../types.ts';
import { encodeKey, ownerKey } from '../engine.ts';
import type { LmdbEnvironment } from './environment.ts';
import { scan } from './scan.ts';
import { SESSIONS, SESSIONS_BY_EXPIRY, SESSIONS_BY_USER } from './tables.ts';

export interface LmdbSessionStoreOptions {
  /** Tells when a record has expired. Default `Date.now`. */
  readonly clock?: Clock;
}

const SWEEP_INTERVAL_MS = 1000;
/** Records removed in one transaction: it takes a few milliseconds, and other writes get their turn. */
const SWEEP_STEP = 100;

/**
 * Keeps sessions in an LMDB database, shared by the processes of one machine. An answered write is committed and survives
 * the process. A removal is also on the disk, so that a power cut does not undo it. Once a second the store removes
 * expired records, in small steps.
 */
export class LmdbSessionStore implements SessionStore {
  readonly #environment: LmdbEnvironment;
  readonly #records: Database<StoredRecord, string>;
  readonly #byUser: Database<string, string>;
  readonly #byExpiry: Database<string, Milliseconds>;
  readonly #clock: Clock;
  readonly #timer: NodeJS.Timeout;
  #isSweeping = false;

  constructor(environment: LmdbEnvironment, { clock = Date.now }: LmdbSessionStoreOptions = {}) {
    this.#environment = environment;
    this.#records = environment.table(SESSIONS);
    this.#byUser = environment.index(SESSIONS_BY_USER);
    this.#byExpiry = environment.index(SESSIONS_BY_EXPIRY);
    this.#clock = clock;
    this.#timer = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS).unref();
  }

  /** How many sessions the store has, with those that it has not yet removed after their end. */
  get size(): number {
    return this.#environment.read(() => (this.#records.getStats() as { entryCount: number }).entryCount);
  }

  /** @throws StoreFull if the disk is full. */
  async create(record: SessionRecord): Promise<boolean> {
    if (!this.#environment.hasRoom()) {
      throw new StoreFull();
    }
    const { id, expiresAt } = record.session;
    const key = encodeKey(id);
    return this.#environment.write(() => {
      if (this.#records.doesExist(key)) {
        return false;
      }
      this.#records.put(key, record);
      this.#byUser.put(ownerKey(record.session), key);
      this.#byExpiry.put(expiresAt, key);
      return true;
    });
  }

  find(id: string): SessionRecord | undefined {
    return this.#environment.read(() => this.#get(encodeKey(id)));
  }

  replace(next: SessionRecord, expectedVersion: string): Promise<boolean> {
    const key = encodeKey(next.session.id);
    return this.#environment.write(() => {
      const current = this.#get(key);
      if (current?.version !== expectedVersion) {
        return false;
      }
      this.#records.put(key, next);
      this.#byExpiry.remove(current.session.expiresAt, key);
      this.#byExpiry.put(next.session.expiresAt, key);
      return true;
    });
  }

  remove(id: string): Promise<boolean> {
    const key = encodeKey(id);
    return this.#environment.writeDurably(() => {
      const stored = this.#records.get(key);
      return stored !== undefined && this.#remove(key, stored);
    });
  }

  listByUser(owner: SessionOwner): SessionRecord[] {
    return this.#environment.read(() => this.#ofUser(owner).map(([, stored]) => readListedRecord(stored)));
  }

  removeByUser(owner: SessionOwner, keep?: string): Promise<number> {
    return this.#environment.writeDurably(() => {
      const kept = keep === undefined ? undefined : encodeKey(keep);
      const ended = this.#ofUser(owner).filter(([key]) => key !== kept);
      for (const [key, stored] of ended) {
        this.#remove(key, stored);
      }
      return ended.length;
    });
  }

  async *list(): AsyncGenerator<SessionRecord> {
    for await (const stored of scan(this.#environment, this.#records)) {
      yield readListedRecord(stored);
    }
  }

  ping(): void {
    this.#environment.read(() => this.#records.doesExist(''));
  }

  /** Also closes the environment. */
  close(): Promise<void> {
    clearInterval(this.#timer);
    return this.#environment.close();
  }

  #get(key: string): SessionRecord | undefined {
    const stored = this.#records.get(key);
    return stored && readSessionRecord(stored);
  }

  /** The index and the records change in one transaction, so each key of the index has a record. */
  #ofUser(owner: SessionOwner): [key: string, stored: StoredRecord][] {
    const only = ownerKey(owner);
    // Not `getValues`: in a transaction, lmdb 3.5 also decodes a key that nothing has written, and may fail.
    const entries = [...this.#byUser.getRange({ start: only, end: only, inclusiveEnd: true })];
    return entries.map(({ value: key }) => [key, this.#records.get(key) as StoredRecord]);
  }

  /** Must be called in a transaction. */
  #remove(key: string, stored: StoredRecord): true {
    const session = storedSession(stored);
    this.#records.remove(key);
    this.#byUser.remove(ownerKey(session), key);
    this.#byExpiry.remove(session.expiresAt, key);
    return true;
  }

  async #sweep(): Promise<void> {
    if (this.#isSweeping) {
      return;
    }
    this.#isSweeping = true;
    try {
      while ((await this.#sweepStep()) === SWEEP_STEP);
    } catch {
      // The store was closed, or the disk failed: requests report that, and the next sweep tries again.
    } finally {
      this.#isSweeping = false;
    }
  }

  /** Removes some of the expired records. Returns how many it examined. */
  async #sweepStep(): Promise<number> {
    const now = this.#clock();
    const expired = this.#environment.read(() => [...this.#byExpiry.getRange({ end: now + 1, limit: SWEEP_STEP })]);
    if (expired.length > 0) {
      await this.#environment.write(() => {
        for (const { key: expiresAt, value: key } of expired) {
          // Also without such a record: each step must make progress.
          this.#byExpiry.remove(expiresAt, key);
          const stored = this.#records.get(key);
          // Since it was read it may have been refreshed, or removed by another process.
          if (stored !== undefined && storedSession(stored).expiresAt === expiresAt) {
            this.#remove(key, stored);
          }
        }
      });
    }
    return expired.length;
  }
}
