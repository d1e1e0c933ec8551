import type { SessionOwner, SessionRecord } from '../sessions/session.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { Clock } from '../types.ts';
import { AccountError, assertValidName, changedByOthers, quote, unknownUser } from './account-error.ts';
import { validatePassword } from './password-policy.ts';
import type { PasswordHasher } from './passwords.ts';
import { changedUser, UserRenamer } from './rename-user.ts';
import { ownerOf, removedOwners } from './session-owners.ts';
import { MAX_TRIES, nextVersion, withPassword } from './user-changes.ts';
import { UserFinder } from './user-finder.ts';
import { keyOf, newUser, type UserRecord, type UserStore } from './user-store.ts';
import { cleanUsername, usernameKey } from './username.ts';

export { AccountError, quote };

export interface AccountsOptions {
  readonly users: UserStore;
  readonly sessions: SessionStore;
  readonly passwords: PasswordHasher;
  readonly passwordMinLength: number;
  readonly clock?: Clock;
}

/**
 * Manages user accounts. A password change, a disable and a removal first change the user, then revoke the sessions.
 * Sign-in reads the user again after it has created the session, so no session of a concurrent sign-in is missed.
 *
 * Names are given as people enter them: see `usernameKey`.
 */
export class Accounts {
  readonly #options: AccountsOptions;
  readonly #clock: Clock;
  readonly #renamer: UserRenamer;
  readonly #finder: UserFinder;

  constructor(options: AccountsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.#finder = new UserFinder(options.users);
    this.#renamer = new UserRenamer({ ...options, clock: this.#clock });
  }

  /** Returns the record of a user, to show or to change. @throws AccountError if the user does not exist. */
  async get(name: string): Promise<UserRecord> {
    const user = await this.#finder.find(name);
    if (user === undefined) {
      throw unknownUser(name);
    }
    return this.#renamer.currentOf(user);
  }

  /** Returns the name as stored. @throws AccountError if the name or the password is invalid, or the name is taken. */
  async add(username: string, password: string): Promise<string> {
    assertValidName(cleanUsername(username));
    return this.#create(username, await this.#hash(password, username));
  }

  /** Adds a user with an imported hash. Otherwise like `add`. @throws AccountError if the name is invalid or taken. */
  async addWithHash(username: string, passwordHash: string): Promise<string> {
    assertValidName(cleanUsername(username));
    return this.#create(username, passwordHash);
  }

  /** Returns the number of revoked sessions. @throws AccountError if the user does not exist or the password is invalid. */
  async changePassword(name: string, password: string): Promise<number> {
    const { username } = await this.get(name);
    const passwordHash = await this.#hash(password, username);
    const unlockedAt = this.#clock();
    const user = await this.#update(name, (current) => ({
      ...withPassword(current, passwordHash, unlockedAt),
      unlockedAt,
    }));
    return this.#options.sessions.removeByUser(ownerOf(user));
  }

  /** Lets a user sign in again in spite of earlier failures. The sessions stay. @throws AccountError if the user does not exist. */
  async unlock(name: string): Promise<void> {
    const unlockedAt = this.#clock();
    await this.#update(name, (user) => ({ ...user, unlockedAt, version: nextVersion(user) }));
  }

  /**
   * Makes a user choose another password at the next sign-in. Returns the number of revoked sessions.
   * @throws AccountError if the user does not exist.
   */
  async expirePassword(name: string): Promise<number> {
    const user = await this.#change(name, { passwordExpired: true });
    return this.#options.sessions.removeByUser(ownerOf(user));
  }

  /** Returns the number of revoked sessions. @throws AccountError if the user does not exist. */
  async disable(name: string): Promise<number> {
    const user = await this.#change(name, { disabled: true });
    return this.#options.sessions.removeByUser(ownerOf(user));
  }

  /** Also completes a rename that was interrupted. @throws AccountError if the user does not exist. */
  async enable(name: string): Promise<void> {
    const user = await this.#renamer.finish(await this.get(name));
    await this.#change(keyOf(user), { disabled: false });
  }

  /**
   * Renames a user, who keeps the id, the password and the sessions. Returns the new name as stored. The user cannot sign
   * in during the rename. Repeat a rename that was interrupted: it continues.
   * @throws AccountError if the user does not exist, or the new name is invalid or taken.
   */
  async rename(name: string, newName: string): Promise<string> {
    const username = cleanUsername(newName);
    assertValidName(username);
    const found = (await this.#finder.find(name)) ?? (await this.#renamer.findUnfinished(name, newName));
    if (found === undefined) {
      throw unknownUser(name);
    }
    const user = await this.#renamer.finish(found);
    if (keyOf(user) === usernameKey(newName)) {
      await this.#change(keyOf(user), { username });
      await this.#renamer.renameSessions(user, username);
      return username;
    }
    const taken = await this.#finder.find(username);
    // An earlier version stored the user under the exact name, so the new name can find the user itself.
    if (taken !== undefined && keyOf(taken) !== keyOf(user)) {
      throw new AccountError(`The user ${quote(username)} already exists.`);
    }
    const renamed = await this.#renamer.start(user, username);
    if (keyOf(renamed) === keyOf(user)) {
      throw changedByOthers();
    }
    return username;
  }

  /** Returns the number of revoked sessions. @throws AccountError if the user does not exist. */
  async remove(name: string): Promise<number> {
    const user = await this.#finder.find(name);
    const removed = user !== undefined && (await this.#removeRecords(user));
    // Also if the user is already gone: an earlier removal may have failed at this step.
    const revoked = await this.revokeSessions(name, user);
    if (!removed) {
      throw unknownUser(name);
    }
    return revoked;
  }

  /** Returns the records of the sessions of a user, also of one who no longer exists. May include ended sessions. */
  async listSessions(name: string): Promise<SessionRecord[]> {
    const owners = await this.#ownersOf(name);
    return (await Promise.all(owners.map((owner) => this.#options.sessions.listByUser(owner)))).flat();
  }

  /** Ends the sessions of a user, also of one who no longer exists. Returns how many it ended. */
  async revokeSessions(name: string, user?: UserRecord): Promise<number> {
    let revoked = 0;
    for (const owner of await this.#ownersOf(name, user)) {
      revoked += await this.#options.sessions.removeByUser(owner);
    }
    return revoked;
  }

  async #removeRecords(user: UserRecord): Promise<boolean> {
    const other = await this.#renamer.counterpartOf(user);
    if (other !== undefined) {
      await this.#options.users.remove(keyOf(other));
    }
    // The record with the entered name is the last one, so that the command can be repeated.
    return this.#options.users.remove(keyOf(user));
  }

  /** Returns the user of this name, and removed users whose sessions have this name. */
  async #ownersOf(name: string, user?: UserRecord): Promise<SessionOwner[]> {
    const found = user ?? (await this.#finder.find(name));
    const removed = await removedOwners(this.#options, name);
    return found === undefined ? removed : [ownerOf(found), ...removed.filter(({ userId }) => userId !== found.id)];
  }

  async #create(username: string, passwordHash: string): Promise<string> {
    const user = newUser(username, passwordHash, this.#clock());
    if ((await this.#finder.hasOlderUser(keyOf(user))) || !(await this.#options.users.create(user))) {
      const existing = (await this.#finder.find(username)) ?? user;
      const spelling = existing.username === user.username ? '' : ` as ${quote(existing.username)}`;
      throw new AccountError(`The user ${quote(user.username)} already exists${spelling}.`);
    }
    return user.username;
  }

  async #hash(password: string, username: string): Promise<string> {
    const reason = await validatePassword(password, username, this.#options.passwordMinLength);
    if (reason !== undefined) {
      throw new AccountError(reason);
    }
    return this.#options.passwords.hash(password);
  }

  #change(name: string, changes: Partial<UserRecord>): Promise<UserRecord> {
    return this.#update(name, (user) => changedUser(user, changes));
  }

  async #update(name: string, change: (user: UserRecord) => UserRecord): Promise<UserRecord> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const user = await this.get(name);
      const next = change(user);
      if (await this.#options.users.replace(next, user.version)) {
        return next;
      }
    }
    throw changedByOthers();
  }
}
