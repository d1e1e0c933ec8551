import type { MaybePromise } from './session-store.ts';

/** A user as a store keeps it. */
export interface UserRecord {
  readonly username: string;
  /** The password's hash as a PHC string, `$argon2id$…`. Never the password. */
  readonly passwordHash: string;
}

/**
 * Where users are kept. As in a session store, absence is an answer and a rejection means that the backend
 * failed. A username is any string and stands for itself: no case folding, no trimming.
 */
export interface UserStore {
  /** Adds a user. `false` if the name is taken; the user there stays as it is. */
  create(user: UserRecord): MaybePromise<boolean>;

  /** The user of a name, or `undefined`. */
  find(username: string): MaybePromise<UserRecord | undefined>;
}
