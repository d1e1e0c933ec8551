import { AccountError, quote } from './account-error.ts';
import { findByName, keyOf, type UserRecord, type UserStore } from './user-store.ts';
import { usernameKey } from './username.ts';

/** Finds users by any spelling of the name, also those that an earlier version stored under the exact name. */
export class UserFinder {
  readonly #users: UserStore;
  #olderUsers: Promise<ReadonlyMap<string, readonly UserRecord[]>> | undefined;

  constructor(users: UserStore) {
    this.#users = users;
  }

  /** @throws AccountError if several users of an earlier version have the name. */
  async find(name: string): Promise<UserRecord | undefined> {
    const found = await findByName(this.#users, name);
    if (found !== undefined) {
      return found;
    }
    const [older, another] = (await this.#findOlderUsers()).get(usernameKey(name)) ?? [];
    if (another !== undefined) {
      throw new AccountError(`Several users have the name ${quote(name)}. Enter it exactly as "users list" shows it.`);
    }
    return older && this.#users.find(keyOf(older));
  }

  /** Tells whether an earlier version stored a user of this name under another key. */
  async hasOlderUser(key: string): Promise<boolean> {
    return (await this.#findOlderUsers()).has(key);
  }

  /**
   * Returns the users that an earlier version stored under another key than `usernameKey` returns, by that key. They can
   * only be found by a scan of all users, which takes place once.
   */
  #findOlderUsers(): Promise<ReadonlyMap<string, readonly UserRecord[]>> {
    this.#olderUsers ??= scanOlderUsers(this.#users);
    return this.#olderUsers;
  }
}

async function scanOlderUsers(users: UserStore): Promise<ReadonlyMap<string, readonly UserRecord[]>> {
  const older = new Map<string, UserRecord[]>();
  for await (const user of users.list()) {
    const key = usernameKey(user.username);
    if (keyOf(user) !== key) {
      older.set(key, [...(older.get(key) ?? []), user]);
    }
  }
  return older;
}
