import type { Clock, MaybePromise, Milliseconds } from '../types.ts';
import type { SessionOwner, SessionRecord } from './session.ts';

/**
 * Keeps sessions.
 *
 * - Absence is an answer (`undefined`, `false`, an empty list), never an error. A rejection or an exception means only
 *   that the backend failed; the caller then answers 503, never "not signed in".
 * - Each method is atomic: its promise holds for any number of concurrent calls.
 * - Only `create` makes a record. No other method may bring back a record that was removed.
 * - A store does not enforce deadlines. It may drop a record that has expired, or still return it.
 * - Records are values. The store never changes a record that it was given or has returned, but may freeze it. Any string
 *   is kept as it is. The id and the owner of a session never change.
 */
export interface SessionStore {
  /** Adds a record. Returns `false` if its id is taken; the record there stays as it is. */
  create(record: SessionRecord): MaybePromise<boolean>;

  /**
   * Returns the record of an id, or `undefined`. A store with a cache may return a record that another instance replaced
   * a moment ago, unless the caller asks for the `latest` one.
   */
  find(id: string, latest?: boolean): MaybePromise<SessionRecord | undefined>;

  /**
   * Replaces the record with the same id if its version is still `expectedVersion` (compare-and-set). Returns `false`,
   * and changes nothing, if the record has another version or is gone.
   */
  replace(next: SessionRecord, expectedVersion: string): MaybePromise<boolean>;

  /** Removes the record of an id, of any version. Returns `false` if there was none. */
  remove(id: string): MaybePromise<boolean>;

  /** Returns the records of a user, in no particular order. May include ended sessions; never misses a live one. */
  listByUser(owner: SessionOwner): MaybePromise<SessionRecord[]>;

  /** Removes the records of a user, except the one with the id `keep`. Returns how many it removed. */
  removeByUser(owner: SessionOwner, keep?: string): MaybePromise<number>;

  /**
   * Iterates over all records, in no particular order. It is for operators, may take long, and must not be used to
   * answer a request. May include ended sessions, and may miss one that is created meanwhile.
   */
  list(): Iterable<SessionRecord> | AsyncIterable<SessionRecord>;

  /** Rejects if the backend does not answer, or does not accept endings. */
  ping(): MaybePromise<void>;

  /**
   * The time of the backend, in whole milliseconds, if it has a clock that all instances share. Times of sessions are taken
   * from it, so that the clocks of the instances may differ. It must not throw. Default: `Date.now`.
   */
  now?(): Milliseconds;

  /** Releases what the store holds open. Every other call fails afterwards; a second `close` does nothing. */
  close(): MaybePromise<void>;
}

/** The clock for the times of the sessions of a store. */
export function clockOf(store: Pick<SessionStore, 'now'>): Clock {
  return () => store.now?.() ?? Date.now();
}
