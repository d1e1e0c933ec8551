import { escapeControlChars } from '../escape.ts';
import { changeSession } from '../sessions/change-session.ts';
import { changedRecord, DEFAULT_NAMESPACE, type SessionOwner, type SessionRecord } from '../sessions/session.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { Clock } from '../types.ts';
import { validatePassword } from './password-policy.ts';
import type { PasswordHasher } from './passwords.ts';
import { findByName, keyOf, newUser, newVersion, type UserRecord, type UserStore } from './user-store.ts';
import { cleanUsername, usernameKey } from './username.ts';

/** A request that cannot be fulfilled. The message tells the operator why. */
export class AccountError extends Error {
  override readonly name = 'AccountError';
}

export interface AccountsOptions {
  readonly users: UserStore;
  readonly sessions: SessionStore;
  readonly passwords: PasswordHasher;
  readonly passwordMinLength: number;
  readonly clock?: Clock;
}

const MAX_NAME_LENGTH = 256;
/** How often a change is tried while others change the same user. */
const MAX_TRIES = 10;

/**
 * Manages user accounts. A password change, a disable and a removal first change the user, then revoke the sessions.
 * Sign-in reads the user again after it has created the session, so no session of a concurrent sign-in is missed.
 *
 * Names are given as people enter them: see `usernameKey`.
 */
export class Accounts {
  readonly #options: AccountsOptions;
  readonly #clock: Clock;
  #olderUsers: Promise<ReadonlyMap<string, readonly UserRecord[]>> | undefined;

  constructor(options: AccountsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
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
    const { username } = await this.#find(name);
    const passwordHash = await this.#hash(password, username);
    const user = await this.#change(name, { passwordHash, passwordChangedAt: this.#clock() });
    return this.#options.sessions.removeByUser(ownerOf(user));
  }

  /** Returns the number of revoked sessions. @throws AccountError if the user does not exist. */
  async disable(name: string): Promise<number> {
    const user = await this.#change(name, { disabled: true });
    return this.#options.sessions.removeByUser(ownerOf(user));
  }

  /** @throws AccountError if the user does not exist. */
  async enable(name: string): Promise<void> {
    await this.#change(name, { disabled: false });
  }

  /**
   * Renames a user, who keeps the id, the password and the sessions. Returns the new name as stored. It can be repeated if it
   * was interrupted: the user then has both names, and one of them may be disabled.
   * @throws AccountError if the user does not exist, or the new name is invalid or taken.
   */
  async rename(name: string, newName: string): Promise<string> {
    assertValidName(cleanUsername(newName));
    const user = await this.#find(name);
    const username = cleanUsername(newName);
    if (keyOf(user) === usernameKey(newName)) {
      await this.#change(name, { username });
    } else {
      await this.#move(user, username);
    }
    await this.#renameSessions(user, username);
    return username;
  }

  /** Stores a user under another name. The old record is disabled first, so that a concurrent change of it is not lost. */
  async #move(user: UserRecord, username: string): Promise<void> {
    const { users } = this.#options;
    const moved = { ...user, username, key: usernameKey(username), version: newVersion() };
    const taken = await this.#lookUp(username);
    if (taken !== undefined && taken.id !== user.id) {
      throw new AccountError(`The user ${quote(username)} already exists.`);
    }
    // An earlier rename may have been interrupted. The old record is the current one until it is disabled.
    const stored =
      taken === undefined ? await users.create(moved) : user.disabled || (await users.replace(moved, taken.version));
    if (!stored) {
      throw changedByOthers();
    }
    if (!(await users.replace({ ...user, disabled: true, version: newVersion() }, user.version))) {
      await users.remove(keyOf(moved));
      throw changedByOthers();
    }
    await users.remove(keyOf(user));
  }

  async #renameSessions(user: UserRecord, username: string): Promise<void> {
    const { sessions } = this.#options;
    for (const { session } of await sessions.listByUser(ownerOf(user))) {
      await changeSession(sessions, this.#clock, session.id, async (record) => {
        const next = changedRecord(record, { session: { ...record.session, username } });
        return (await sessions.replace(next, record.version)) ? next : undefined;
      });
    }
  }

  /** Returns the number of revoked sessions. @throws AccountError if the user does not exist. */
  async remove(name: string): Promise<number> {
    const user = await this.#lookUp(name);
    const removed = user !== undefined && (await this.#options.users.remove(keyOf(user)));
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

  /** Returns the user, or the owners of sessions with this name if there is no such user. */
  async #ownersOf(name: string, user?: UserRecord): Promise<SessionOwner[]> {
    const found = user ?? (await this.#lookUp(name));
    return found === undefined ? this.#ownersInSessions(name) : [ownerOf(found)];
  }

  async #ownersInSessions(name: string): Promise<SessionOwner[]> {
    const key = usernameKey(name);
    const owners = new Map<string, SessionOwner>();
    for await (const { session } of this.#options.sessions.list()) {
      if (session.namespace === DEFAULT_NAMESPACE && usernameKey(session.username) === key) {
        owners.set(session.userId, session);
      }
    }
    return [...owners.values()];
  }

  async #create(username: string, passwordHash: string): Promise<string> {
    const user = newUser(username, passwordHash, this.#clock());
    const older = (await this.#findOlderUsers()).get(keyOf(user));
    if (older !== undefined || !(await this.#options.users.create(user))) {
      const existing = (await this.#lookUp(username)) ?? user;
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

  async #find(name: string): Promise<UserRecord> {
    const user = await this.#lookUp(name);
    if (user === undefined) {
      throw unknownUser(name);
    }
    return user;
  }

  async #lookUp(name: string): Promise<UserRecord | undefined> {
    const found = await findByName(this.#options.users, name);
    if (found !== undefined) {
      return found;
    }
    const [older, another] = (await this.#findOlderUsers()).get(usernameKey(name)) ?? [];
    if (another !== undefined) {
      throw new AccountError(`Several users have the name ${quote(name)}. Enter it exactly as "users list" shows it.`);
    }
    return older && this.#options.users.find(keyOf(older));
  }

  /**
   * Returns the users that an earlier version stored under another key than `usernameKey` returns, by that key. They can
   * only be found by a scan of all users, which takes place once.
   */
  #findOlderUsers(): Promise<ReadonlyMap<string, readonly UserRecord[]>> {
    this.#olderUsers ??= scanOlderUsers(this.#options.users);
    return this.#olderUsers;
  }

  async #change(name: string, changes: Partial<UserRecord>): Promise<UserRecord> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const user = await this.#find(name);
      const next = { ...user, ...changes, version: newVersion() };
      if (await this.#options.users.replace(next, user.version)) {
        return next;
      }
    }
    throw changedByOthers();
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

/** The service has one area, and the command line manages its users. */
export function ownerOf({ id }: UserRecord): SessionOwner {
  return { namespace: DEFAULT_NAMESPACE, userId: id };
}

/** Quotes a name for a message and escapes characters that a terminal would interpret. */
export function quote(name: string): string {
  return escapeControlChars(JSON.stringify(name));
}

function assertValidName(username: string): void {
  const { length } = [...username];
  if (length === 0 || length > MAX_NAME_LENGTH) {
    throw new AccountError(`A user name must have 1 to ${MAX_NAME_LENGTH} characters; this one has ${length}.`);
  }
  if (escapeControlChars(username) !== username) {
    throw new AccountError(`The user name ${quote(username)} contains invisible characters.`);
  }
}

function changedByOthers(): AccountError {
  return new AccountError('The user is being changed by somebody else. Try again.');
}

function unknownUser(username: string): AccountError {
  return new AccountError(`The user ${quote(username)} does not exist.`);
}
