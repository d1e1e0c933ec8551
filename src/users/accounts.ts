import type { SessionRecord } from '../sessions/session.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { Clock } from '../types.ts';
import { AccountError, assertValidName, changedByOthers, quote, unknownUser } from './account-error.ts';
import type { ImportedFields } from './exported-user.ts';
import { createPasswordLink, type LinkToken, randomPassword, withInvitation, withoutLink } from './password-link.ts';
import { validatePassword } from './password-policy.ts';
import type { PasswordHasher } from './passwords.ts';
import { ownerOf, removedOwners } from './session-owners.ts';
import { changedUser, nextVersion, orEndSessions, withPassword } from './user-changes.ts';
import { UserRecords } from './user-records.ts';
import { keyOf, newUser, type UserRecord, type UserStore } from './user-store.ts';
import { cleanUsername, usernameKey } from './username.ts';

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
  /** The records by name. */
  readonly records: UserRecords;

  constructor(options: AccountsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.records = new UserRecords({ ...options, clock: this.#clock });
  }

  /** Returns the name as stored. @throws AccountError if the name or the password is invalid, or the name is taken. */
  async add(username: string, password: string): Promise<string> {
    assertValidName(cleanUsername(username));
    return this.records.add(newUser(username, await this.#hash(password, username), this.#clock()));
  }

  /** Adds a user with an imported hash. Otherwise like `add`. @throws AccountError if the name is invalid or taken. */
  async addWithHash(username: string, passwordHash: string, fields: ImportedFields = {}): Promise<string> {
    assertValidName(cleanUsername(username));
    return this.records.add({ ...newUser(username, passwordHash, this.#clock()), ...fields });
  }

  /**
   * Adds a user whose password nobody knows, and returns a link to set one. Otherwise like `add`.
   * @throws AccountError if the name is invalid or taken.
   */
  async invite(username: string): Promise<LinkToken> {
    assertValidName(cleanUsername(username));
    const passwordHash = await this.#options.passwords.hash(randomPassword());
    const { user, ...link } = withInvitation(newUser(username, passwordHash, this.#clock()), this.#clock());
    await this.records.add(user);
    return link;
  }

  /**
   * Returns a link to set another password. The current one works until then. An earlier link becomes invalid.
   * @throws AccountError if the user does not exist or is disabled.
   */
  async createLink(name: string): Promise<LinkToken> {
    const user = await this.records.get(name);
    if (user.disabled) {
      throw new AccountError(`The user ${quote(user.username)} is disabled. Enable the user first.`);
    }
    const link = await createPasswordLink(this.#options.users, keyOf(user), this.#clock());
    if (link === undefined) {
      throw changedByOthers();
    }
    return link;
  }

  /** Returns the number of revoked sessions. @throws AccountError if the user does not exist or the password is invalid. */
  async changePassword(name: string, password: string): Promise<number> {
    const { username } = await this.records.get(name);
    return this.#replaceHash(name, await this.#hash(password, username));
  }

  /** Replaces the password by one that nobody knows. Otherwise like `changePassword`. */
  async revokePassword(name: string): Promise<number> {
    return this.#replaceHash(name, await this.#options.passwords.hash(randomPassword()));
  }

  /** Lets a user sign in again in spite of earlier failures. The sessions stay. @throws AccountError if the user does not exist. */
  async unlock(name: string): Promise<void> {
    const unlockedAt = this.#clock();
    await this.records.change(name, (user) => ({ ...user, unlockedAt, version: nextVersion(user) }));
  }

  /**
   * Makes a user choose another password at the next sign-in. Returns the number of revoked sessions.
   * @throws AccountError if the user does not exist.
   */
  async expirePassword(name: string): Promise<number> {
    return this.#changeAndRevoke(name, (user) => changedUser(user, { passwordExpired: true }));
  }

  /** Returns the number of revoked sessions. @throws AccountError if the user does not exist. */
  async disable(name: string): Promise<number> {
    return this.#changeAndRevoke(name, (user) => withoutLink(changedUser(user, { disabled: true })));
  }

  /** Also completes a rename that was interrupted. @throws AccountError if the user does not exist. */
  async enable(name: string): Promise<void> {
    const user = await this.records.renamer.finish(await this.records.get(name));
    await this.records.change(keyOf(user), (user) => changedUser(user, { disabled: false }));
  }

  /**
   * Renames a user, who keeps the id, the password and the sessions. Returns the new name as stored. The user cannot sign
   * in during the rename. Repeat a rename that was interrupted: it continues.
   * @throws AccountError if the user does not exist, or the new name is invalid or taken.
   */
  async rename(name: string, newName: string): Promise<string> {
    const username = cleanUsername(newName);
    assertValidName(username);
    const found = (await this.records.find(name)) ?? (await this.records.renamer.findUnfinished(name, newName));
    if (found === undefined) {
      throw unknownUser(name);
    }
    const user = await this.records.renamer.finish(found);
    if (keyOf(user) === usernameKey(newName)) {
      await this.records.change(keyOf(user), (user) => changedUser(user, { username }));
      await this.records.renamer.renameSessions(user, username);
      return username;
    }
    const taken = await this.records.find(username);
    // An earlier version stored the user under the exact name, so the new name can find the user itself.
    if (taken !== undefined && keyOf(taken) !== keyOf(user)) {
      throw new AccountError(`The user ${quote(username)} already exists.`);
    }
    const renamed = await this.records.renamer.start(user, username);
    if (keyOf(renamed) === keyOf(user)) {
      throw changedByOthers();
    }
    return username;
  }

  /** Returns the number of revoked sessions. @throws AccountError if the user does not exist. */
  async remove(name: string): Promise<number> {
    const user = await this.records.find(name);
    const removed =
      user !== undefined && (await orEndSessions(this.records.remove(user), () => this.revokeSessions(name, user)));
    // Also if the user is already gone: an earlier removal may have failed at this step.
    const revoked = await this.revokeSessions(name, user);
    if (!removed) {
      throw unknownUser(name);
    }
    return revoked;
  }

  /** Returns the records of the sessions of a user, also of one who no longer exists. May include ended sessions. */
  async listSessions(name: string): Promise<SessionRecord[]> {
    const found = await this.records.find(name);
    const removed = await removedOwners(this.#options, name);
    const owners = found ? [ownerOf(found), ...removed.filter(({ userId }) => userId !== found.id)] : removed;
    return (await Promise.all(owners.map((owner) => this.#options.sessions.listByUser(owner)))).flat();
  }

  /** Ends the sessions of a user, also of one who no longer exists. Returns how many it ended. */
  async revokeSessions(name: string, user?: UserRecord): Promise<number> {
    const { sessions } = this.#options;
    const found = user ?? (await this.records.find(name));
    // Before the scan, which may fail or take long.
    let revoked = found === undefined ? 0 : await sessions.removeByUser(ownerOf(found));
    for (const owner of await removedOwners(this.#options, name)) {
      revoked += await sessions.removeByUser(owner);
    }
    return revoked;
  }

  #replaceHash(name: string, passwordHash: string): Promise<number> {
    const unlockedAt = this.#clock();
    return this.#changeAndRevoke(name, (user) => ({ ...withPassword(user, passwordHash, unlockedAt), unlockedAt }));
  }

  async #changeAndRevoke(name: string, change: (user: UserRecord) => UserRecord): Promise<number> {
    const { sessions } = this.#options;
    const found = await this.records.get(name);
    const user = await orEndSessions(this.records.change(name, change), () => sessions.removeByUser(ownerOf(found)));
    return sessions.removeByUser(ownerOf(user));
  }

  async #hash(password: string, username: string): Promise<string> {
    const reason = await validatePassword(password, username, this.#options.passwordMinLength);
    if (reason !== undefined) {
      throw new AccountError(reason);
    }
    return this.#options.passwords.hash(password);
  }
}
