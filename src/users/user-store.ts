import { randomUUID } from 'node:crypto';
import type { MaybePromise, Milliseconds } from '../types.ts';
import { cleanUsername, usernameKey } from './username.ts';

/** The schema of the user records that this version writes and reads. */
export const USER_SCHEMA = 1;

/** What a store keeps of a link to set a password. */
export interface PasswordLink {
  /** The SHA-256 hash of the secret in the link. */
  readonly secretHash: string;
  readonly expiresAt: Milliseconds;
  /** Set if the user was invited and has not set a password yet. */
  readonly isInvitation?: true;
}

/** A user as a store keeps it. */
export interface UserRecord {
  readonly schema: typeof USER_SCHEMA;
  /** Never changes, and no other user ever has it. Sessions belong to it. In records of earlier versions it is the username. */
  readonly id: string;
  /** The name as entered, trimmed and in NFC. */
  readonly username: string;
  /**
   * What the store finds the user by: `usernameKey(username)`. Records of earlier versions have none. They are stored
   * under the exact name. See `keyOf`.
   */
  readonly key?: string;
  /** The hash of the password: `$argon2id$…` or, if imported, `$2y$…`. Never the password itself. */
  readonly passwordHash: string;
  /** Set if an operator has made a link with which the user can set a password: see password-link.ts. */
  readonly passwordLink?: PasswordLink;
  /** Set if the user must choose another password at the next sign-in. */
  readonly passwordExpired?: true;
  /** A disabled user cannot sign in. The response is the same as for an unknown user. */
  readonly disabled: boolean;
  readonly createdAt: Milliseconds;
  readonly passwordChangedAt: Milliseconds;
  /** The time of the latest sign-in, if it could be stored. Missing before the first one. */
  readonly lastSignInAt?: Milliseconds;
  /**
   * A random value that changes with every write, so that no write undoes another one. The part before a `~` changes only
   * when the sessions of the user become invalid: when the password changes, or when the user is disabled or enabled.
   * See `sessionVersionOf` in user-changes.ts.
   */
  readonly version: string;
  /** The last time an operator let the user sign in again in spite of earlier failures: see `Throttle`. */
  readonly unlockedAt?: Milliseconds;
  /** Set in the old record during a rename: the new name. The record is disabled. See `UserRenamer`. */
  readonly movedTo?: string;
  /** Set in the new record during a rename: the key of the old record. The record is disabled. See `UserRenamer`. */
  readonly movedFrom?: string;
  /** Set during a rename: the value of `disabled` when the rename is complete. */
  readonly disabledAfterMove?: boolean;
}

/**
 * The contract of a user store. `undefined` or `false` means that the record does not exist. An exception or a
 * rejection means only that the backend failed. Each method is atomic. Records are plain values: the caller cannot
 * change a stored record through an object that it passed in or received. The store keeps all fields of a record, also those
 * that it does not know. It keeps a record under `keyOf(user)`.
 * A key is an arbitrary string, compared exactly: the store does not fold case and does not trim.
 */
export interface UserStore {
  /** Adds a user. Returns `false` and changes nothing if the key is taken. */
  create(user: UserRecord): MaybePromise<boolean>;

  /** Returns the current record of a user, never an outdated one from a cache. */
  find(key: string): MaybePromise<UserRecord | undefined>;

  /**
   * Replaces the record with the key of `next` if its version is `expectedVersion` (compare-and-set). Returns `false`
   * and changes nothing if the version differs or the user does not exist.
   */
  replace(next: UserRecord, expectedVersion: string): MaybePromise<boolean>;

  /** Removes a user. Returns `false` if the user does not exist. */
  remove(key: string): MaybePromise<boolean>;

  /** Returns all users in no particular order. It is for the command line: requests do not call it. */
  list(): Iterable<UserRecord> | AsyncIterable<UserRecord>;

  /** Releases what the store holds open. All other methods then fail. A second call does nothing. */
  close(): MaybePromise<void>;
}

/** Returns the key that a store keeps a record under. */
export function keyOf({ key, username }: Pick<UserRecord, 'key' | 'username'>): string {
  return key ?? username;
}

/** Finds a user by a name as a person enters it. All look-ups by name use it. */
export async function findByName(users: Pick<UserStore, 'find'>, name: string): Promise<UserRecord | undefined> {
  const key = usernameKey(name);
  if (key === name) {
    return users.find(key);
  }
  // An earlier version stored the user under the exact name. Always two look-ups: the time must not reveal who exists.
  const [user, older] = await Promise.all([users.find(key), users.find(name)]);
  return older ?? user;
}

/**
 * Returns the record of a new user.
 * @throws TypeError if `passwordHash` is not a hash: a password must not be stored.
 */
export function newUser(username: string, passwordHash: string, now: Milliseconds = Date.now()): UserRecord {
  if (typeof passwordHash !== 'string' || !passwordHash.startsWith('$')) {
    throw new TypeError(
      'newUser takes a hash such as $argon2id$…, not a password: newUser(name, await hasher.hash(password))',
    );
  }
  if (typeof username !== 'string' || username.trim() === '') {
    throw new TypeError('newUser takes a user name that is not empty: newUser(name, hash)');
  }
  return {
    schema: USER_SCHEMA,
    id: randomUUID(),
    username: cleanUsername(username),
    key: usernameKey(username),
    passwordHash,
    disabled: false,
    createdAt: now,
    passwordChangedAt: now,
    version: newVersion(),
  };
}

/** Returns a version that no user record had before. The sessions of the user become invalid. */
export function newVersion(): string {
  return randomUUID();
}

/** A user as earlier versions stored it. */
type StoredUser = Omit<UserRecord, 'schema' | 'id'> & { readonly schema?: number; readonly id?: string };

/**
 * Reads a stored user. Records without a schema were written before the field existed and are read as schema 1, which has
 * the same fields. Records without an id were written when users could not be renamed: their username is their id.
 * @throws Error if a newer version of this service wrote the record: an older one could misread or damage it.
 */
export function readUser(stored: StoredUser): UserRecord {
  const { schema = USER_SCHEMA, id = stored.username } = stored;
  if (schema > USER_SCHEMA) {
    throw new Error(
      `A user record was written by a newer version (schema ${schema}); this version reads ${USER_SCHEMA}.`,
    );
  }
  return { ...stored, schema: USER_SCHEMA, id };
}
