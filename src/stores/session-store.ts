import type { MaybePromise } from '../maybe-promise.ts';
import type { SessionRecord } from '../sessions/record.ts';

/**
 * Where sessions are kept.
 *
 * - Absence is an answer (`undefined`, `false`, an empty list), never an error. A rejection, or a throw, means
 *   only that the backend failed: the caller then answers "cannot tell", never "not signed in".
 * - Each method is one step: what it promises holds against any number of concurrent calls.
 * - Only `create` brings a record into being. Nothing else may bring back one that was removed.
 * - A store never judges time. It may drop a record whose deadline has passed, or still return it.
 * - Records are values: one that was handed in or out is never changed afterwards by the store. Any string is
 *   kept as it is, whatever its characters. A record's id and username never change.
 */
export interface SessionStore {
  /** Adds a record. `false` if its id is taken; the record there stays as it is. */
  create(record: SessionRecord): MaybePromise<boolean>;

  /**
   * The record of an id, or `undefined`. A store that keeps records at hand may answer with one that was replaced
   * elsewhere a moment ago, unless it is asked for the `latest`.
   */
  find(id: string, latest?: boolean): MaybePromise<SessionRecord | undefined>;

  /**
   * Puts `next` in place of the record with the same id if that record still has `expectedHash` as its secret's
   * hash: an atomic compare-and-set. `false` if it has another or is gone, and nothing changes.
   */
  replace(next: SessionRecord, expectedHash: string): MaybePromise<boolean>;

  /** Removes the record of an id, whatever its version. `false` if it was not there. */
  remove(id: string): MaybePromise<boolean>;

  /** A user's records, in no particular order. May include ended ones, never misses a live one. */
  listByUser(username: string): MaybePromise<SessionRecord[]>;

  /** Removes a user's records but for the one with the id `keep`, and says how many it removed. */
  removeByUser(username: string, keep?: string): MaybePromise<number>;

  /**
   * Every record, in no particular order, for an operator: it may take long and belongs on no request's path.
   * May include ended ones; one that is created while it runs may be missing.
   */
  list(): Iterable<SessionRecord> | AsyncIterable<SessionRecord>;

  /** Asks the backend for a sign of life, and rejects when it gives none. */
  ping(): MaybePromise<void>;

  /** Lets go of what the store holds open. Every other call rejects from then on; a second close does nothing. */
  close(): MaybePromise<void>;
}
