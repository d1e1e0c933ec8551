import { escapeControlChars } from '../escape.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { Clock } from '../types.ts';
import { validatePassword } from './password-policy.ts';
import type { PasswordHasher } from './passwords.ts';
import { newUser, newVersion, type UserRecord, type UserStore } from './user-store.ts';

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
 */
export class Accounts {
  readonly #options: AccountsOptions;
  readonly #clock: Clock;

  constructor(options: AccountsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
  }

  /** @throws AccountError if the name or the password is invalid, or the name is taken. */
  async add(username: string, password: string): Promise<void> {
    assertValidName(username);
    await this.#create(username, await this.#hash(password, username));
  }

  /** Adds a user with an imported hash. @throws AccountError if the name is invalid or taken. */
  async addWithHash(username: string, passwordHash: string): Promise<void> {
    assertValidName(username);
    await this.#create(username, passwordHash);
  }

  /** Returns the number of revoked sessions. @throws AccountError if the user does not exist or the password is invalid. */
  async changePassword(username: string, password: string): Promise<number> {
    await this.#find(username);
    const passwordHash = await this.#hash(password, username);
    await this.#change(username, { passwordHash, passwordChangedAt: this.#clock() });
    return this.#options.sessions.removeByUser(username);
  }

  /** Returns the number of revoked sessions. @throws AccountError if the user does not exist. */
  async disable(username: string): Promise<number> {
    await this.#change(username, { disabled: true });
    return this.#options.sessions.removeByUser(username);
  }

  /** @throws AccountError if the user does not exist. */
  async enable(username: string): Promise<void> {
    await this.#change(username, { disabled: false });
  }

  /** Returns the number of revoked sessions. @throws AccountError if the user does not exist. */
  async remove(username: string): Promise<number> {
    const removed = await this.#options.users.remove(username);
    // Also if the user is already gone: an earlier removal may have failed at this step.
    const revoked = await this.#options.sessions.removeByUser(username);
    if (!removed) {
      throw unknownUser(username);
    }
    return revoked;
  }

  async #create(username: string, passwordHash: string): Promise<void> {
    if (!(await this.#options.users.create(newUser(username, passwordHash, this.#clock())))) {
      throw new AccountError(`The user ${quote(username)} already exists.`);
    }
  }

  async #hash(password: string, username: string): Promise<string> {
    const reason = await validatePassword(password, username, this.#options.passwordMinLength);
    if (reason !== undefined) {
      throw new AccountError(reason);
    }
    return this.#options.passwords.hash(password);
  }

  async #find(username: string): Promise<UserRecord> {
    const user = await this.#options.users.find(username);
    if (user === undefined) {
      throw unknownUser(username);
    }
    return user;
  }

  async #change(username: string, changes: Partial<UserRecord>): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const user = await this.#find(username);
      const next = { ...user, ...changes, version: newVersion() };
      if (await this.#options.users.replace(next, user.version)) {
        return;
      }
    }
    throw new AccountError('The user is being changed by somebody else. Try again.');
  }
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

function unknownUser(username: string): AccountError {
  return new AccountError(`The user ${quote(username)} does not exist.`);
}
