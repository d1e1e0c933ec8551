import { AccountError, changedByOthers, quote, unknownUser } from './account-error.ts';
import { type RenameOptions, UserRenamer } from './rename-user.ts';
import { MAX_TRIES } from './user-changes.ts';
import { findByName, keyOf, type UserRecord, type UserStore } from './user-store.ts';
import { usernameKey } from './username.ts';

/** Finds, adds and changes users by any spelling of their names, also those that an earlier version stored under the exact name. */
export class UserRecords {
  readonly renamer: UserRenamer;
  readonly #users: UserStore;
  #olderUsers: Promise<ReadonlyMap<string, readonly UserRecord[]>> | undefined;

  constructor(options: RenameOptions) {
    this.renamer = new UserRenamer(options);
    this.#users = options.users;
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

  /** Returns the record of a user, to show or to change. @throws AccountError if the user does not exist. */
  async get(name: string): Promise<UserRecord> {
    const user = await this.find(name);
    if (user === undefined) {
      throw unknownUser(name);
    }
    return this.renamer.currentOf(user);
  }

  /** Returns the name as stored. @throws AccountError if the name is taken. */
  async add(user: UserRecord): Promise<string> {
    if ((await this.#findOlderUsers()).has(keyOf(user)) || !(await this.#users.create(user))) {
      const existing = (await this.find(user.username)) ?? user;
      const spelling = existing.username === user.username ? '' : ` as ${quote(existing.username)}`;
      const hint = existing.passwordLink?.isInvitation ? ' "users reset" makes another link.' : '';
      throw new AccountError(`The user ${quote(user.username)} already exists${spelling}.${hint}`);
    }
    return user.username;
  }

  /** Changes the current record, again if others change it meanwhile. @throws AccountError */
  async change(name: string, change: (user: UserRecord) => UserRecord): Promise<UserRecord> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const user = await this.get(name);
      const next = change(user);
      if (await this.#users.replace(next, user.version)) {
        return next;
      }
    }
    throw changedByOthers();
  }

  /** Removes a user, also one that is being renamed. Returns `false` if the user was already removed. */
  async remove(user: UserRecord): Promise<boolean> {
    const other = await this.renamer.counterpartOf(user);
    if (other !== undefined) {
      await this.#users.remove(keyOf(other));
    }
    // The record with the entered name is the last one, so that the command can be repeated.
    return this.#users.remove(keyOf(user));
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
