import type { Database } from 'lmdb';
import type { Clock, Milliseconds, SessionRecord } from '../../sessions/record.ts';
import type { SessionStore } from '../session-store.ts';
import { storeKey } from '../store-key.ts';
import type { LmdbEnvironment } from './environment.ts';
import { walk } from './walk.ts';

export interface LmdbSessionStoreOptions {
  /** Tells when a record is due to be swept. Default `Date.now`. */
  readonly clock?: Clock;
}

const SWEEP_INTERVAL_MS = 1000;
/** Records removed in one transaction: a few milliseconds of the writer's thread, and other writes get their turn. */
const SWEEP_STEP = 100;

/**
 * Keeps sessions in an LMDB database, where they outlive the process and are shared with others on the machine.
 * What was answered is committed; an ending is on the disk as well, so that no power cut undoes it.
 * Once a second it drops the expired records, in small steps.
 */
export class LmdbSessionStore implements SessionStore {
  readonly #environment: LmdbEnvironment;
  readonly #records: Database<SessionRecord, string>;
  readonly #byUser: Database<string, string>;
  readonly #byExpiry: Database<string, Milliseconds>;
  readonly #clock: Clock;
  readonly #timer: NodeJS.Timeout;

  constructor(environment: LmdbEnvironment, { clock = Date.now }: LmdbSessionStoreOptions = {}) {
    this.#environment = environment;
    this.#records = environment.table('sessions');
    this.#byUser = environment.index('sessions-by-user');
    this.#byExpiry = environment.index('sessions-by-expiry');
    this.#clock = clock;
    this.#timer = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS).unref();
  }

  create(record: SessionRecord): Promise<boolean> {
    const key = storeKey(record.id);
    return this.#environment.write(() => {
      if (this.#records.get(key) !== undefined) {
        return false;
      }
      this.#records.put(key, record);
      this.#byUser.put(storeKey(record.username), key);
      this.#byExpiry.put(record.expiresAt, key);
      return true;
    });
  }

  find(id: string): SessionRecord | undefined {
    return this.#environment.read(() => this.#records.get(storeKey(id)));
  }

  replace(next: SessionRecord, expectedHash: string): Promise<boolean> {
    const key = storeKey(next.id);
    return this.#environment.write(() => {
      const current = this.#records.get(key);
      if (current?.secretHash !== expectedHash) {
        return false;
      }
      this.#records.put(key, next);
      this.#byExpiry.remove(current.expiresAt, key);
      this.#byExpiry.put(next.expiresAt, key);
      return true;
    });
  }

  remove(id: string): Promise<boolean> {
    const key = storeKey(id);
    return this.#environment.writeDurably(() => this.#drop(key, this.#records.get(key)));
  }

  listByUser(username: string): SessionRecord[] {
    return this.#environment.read(() => this.#ofUser(username));
  }

  removeByUser(username: string, keep?: string): Promise<number> {
    return this.#environment.writeDurably(() => {
      const ended = this.#ofUser(username).filter(({ id }) => id !== keep);
      for (const record of ended) {
        this.#drop(storeKey(record.id), record);
      }
      return ended.length;
    });
  }

  list(): AsyncIterable<SessionRecord> {
    return walk(this.#environment, this.#records);
  }

  ping(): void {
    this.#environment.read(() => this.#records.doesExist(''));
  }

  /** Closes the environment, too. */
  close(): Promise<void> {
    clearInterval(this.#timer);
    return this.#environment.close();
  }

  #ofUser(username: string): SessionRecord[] {
    const keys = [...this.#byUser.getValues(storeKey(username))];
    return keys.map((key) => this.#records.get(key)).filter((record) => record !== undefined);
  }

  /** Inside of a transaction. */
  #drop(key: string, record: SessionRecord | undefined): boolean {
    if (record === undefined) {
      return false;
    }
    this.#records.remove(key);
    this.#byUser.remove(storeKey(record.username), key);
    this.#byExpiry.remove(record.expiresAt, key);
    return true;
  }

  async #sweep(): Promise<void> {
    try {
      while ((await this.#sweepStep()) === SWEEP_STEP);
    } catch {
      // Closed meanwhile, or a disk that fails: requests say so themselves, and the next sweep tries again.
    }
  }

  /** Drops some of the records that are due, and says how many it looked at. */
  async #sweepStep(): Promise<number> {
    const now = this.#clock();
    const due = this.#environment.read(() => [
      ...this.#byExpiry.getRange({ end: now + 1, limit: SWEEP_STEP }),
    ]);
    if (due.length > 0) {
      await this.#environment.write(() => {
        for (const { key: expiresAt, value: key } of due) {
          const record = this.#records.get(key);
          // Refreshed, or swept by another process, since it was read.
          if (record?.expiresAt === expiresAt) {
            this.#drop(key, record);
          }
        }
      });
    }
    return due.length;
  }
}
