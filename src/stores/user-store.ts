import { randomUUID } from 'node:crypto';
import type { MaybePromise } from '../maybe-promise.ts';
import type { Milliseconds } from '../sessions/record.ts';

/** A user as a store keeps it. */
export interface UserRecord {
  readonly username: string;
  /** The password's hash, `$argon2id$…` or, brought from elsewhere, `$2y$…`. Never the password. */
  readonly passwordHash: string;
  /** A disabled user is refused like an unknown one. */
  readonly disabled: boolean;
  readonly createdAt: Milliseconds;
  readonly passwordChangedAt: Milliseconds;
  /**
   * A random value, another one whenever what a session rests on changes: the password, or whether the user may
   * sign in. A new hash of the same password leaves it as it is.
   */
  readonly version: string;
}

/**
 * Where users are kept. As in a session store, absence is an answer, a rejection means that the backend failed,
 * each method is one step, and records are values. A username is any string and stands for itself: no case
 * folding, no trimming.
 */
export interface UserStore {
  /** Adds a user. `false` if the name is taken; the user there stays as it is. */
  create(user: UserRecord): MaybePromise<boolean>;

  /** The user of a name as it is now, or `undefined`. Never an older state, such as one from a cache. */
  find(username: string): MaybePromise<UserRecord | undefined>;

  /**
   * Puts `next` in place of the user of the same name if that user still has `expectedVersion`: an atomic
   * compare-and-set. `false` if it has another or is gone, and nothing changes.
   */
  replace(next: UserRecord, expectedVersion: string): MaybePromise<boolean>;

  /** Removes a user. `false` if there was none of that name. */
  remove(username: string): MaybePromise<boolean>;

  /** Every user, in no particular order, for an operator: it belongs on no request's path. */
  list(): Iterable<UserRecord> | AsyncIterable<UserRecord>;

  /** Lets go of what the store holds open. Every other call rejects from then on; a second close does nothing. */
  close(): MaybePromise<void>;
}

/** The record of a user who does not exist yet. */
export function newUser(username: string, passwordHash: string, now: Milliseconds = Date.now()): UserRecord {
  return {
    username,
    passwordHash,
    disabled: false,
    createdAt: now,
    passwordChangedAt: now,
    version: newVersion(),
  };
}

/** A version that no user has had before, under this name or another. */
export function newVersion(): string {
  return randomUUID();
}
