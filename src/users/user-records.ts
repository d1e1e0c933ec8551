import { AccountError, changedByOthers, quote, unknownUser } from './account-error.ts';
import { type RenameOptions, UserRenamer } from './rename-user.ts';
import { MAX_TRIES } from './user-changes.ts';
import { UserFinder } from './user-finder.ts';
import { keyOf, type UserRecord, type UserStore } from './user-store.ts';

/** Finds, adds and changes users by any spelling of their names. */
export class UserRecords {
  readonly finder: UserFinder;
  readonly renamer: UserRenamer;
  readonly #users: UserStore;

  constructor(options: RenameOptions) {
    this.finder = new UserFinder(options.users);
    this.renamer = new UserRenamer(options);
    this.#users = options.users;
  }

  /** Returns the record of a user, to show or to change. @throws AccountError if the user does not exist. */
  async get(name: string): Promise<UserRecord> {
    const user = await this.finder.find(name);
    if (user === undefined) {
      throw unknownUser(name);
    }
    return this.renamer.currentOf(user);
  }

  /** Returns the name as stored. @throws AccountError if the name is taken. */
  async add(user: UserRecord): Promise<string> {
    if ((await this.finder.hasOlderUser(keyOf(user))) || !(await this.#users.create(user))) {
      const existing = (await this.finder.find(user.username)) ?? user;
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
}
