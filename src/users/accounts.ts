import { printable } from '../printable.ts';
import type { Clock } from '../sessions/record.ts';
import type { SessionStore } from '../stores/session-store.ts';
import { newUser, newVersion, type UserRecord, type UserStore } from '../stores/user-store.ts';
import type { PasswordPolicy } from './password-policy.ts';
import type { PasswordHasher } from './passwords.ts';

/** What was asked for cannot be done, and why, as a sentence for whoever asked. */
export class AccountError extends Error {
  override readonly name = 'AccountError';
}

export interface AccountsOptions {
  readonly users: UserStore;
  readonly sessions: SessionStore;
  readonly passwords: PasswordHasher;
  readonly policy: PasswordPolicy;
  readonly clock?: Clock;
}

const MAX_NAME_LENGTH = 256;

/**
 * The rules of accounts. Whatever takes a user's leave to sign in away ends their sessions, in this order: the user
 * changes first, so that a sign-in under way either sees the change or has its session ended.
 */
export class Accounts {
  readonly #options: AccountsOptions;
  readonly #clock: Clock;

  constructor(options: AccountsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
  }

  /** @throws AccountError when the name or the password will not do, or the name is taken. */
  async add(username: string, password: string): Promise<void> {
    assertName(username);
    await this.#create(username, await this.#hash(password, username));
  }

  /** Adds a user with a hash from elsewhere. @throws AccountError when the name will not do or is taken. */
  async addWithHash(username: string, passwordHash: string): Promise<void> {
    assertName(username);
    await this.#create(username, passwordHash);
  }

  /** Answers with how many sessions it ended. @throws AccountError when there is no such user or it will not do. */
  async changePassword(username: string, password: string): Promise<number> {
    await this.#find(username);
    const passwordHash = await this.#hash(password, username);
    await this.#change(username, { passwordHash, passwordChangedAt: this.#clock() });
    return this.#options.sessions.removeByUser(username);
  }

  /** Answers with how many sessions it ended. @throws AccountError when there is no such user. */
  async disable(username: string): Promise<number> {
    await this.#change(username, { disabled: true });
    return this.#options.sessions.removeByUser(username);
  }

  /** @throws AccountError when there is no such user. */
  async enable(username: string): Promise<void> {
    await this.#change(username, { disabled: false });
  }

  /** Answers with how many sessions it ended. @throws AccountError when there is no such user. */
  async remove(username: string): Promise<number> {
    const removed = await this.#options.users.remove(username);
    // Also when somebody else was first: they may have failed at this.
    const ended = await this.#options.sessions.removeByUser(username);
    if (!removed) {
      throw unknownUser(username);
    }
    return ended;
  }

  async #create(username: string, passwordHash: string): Promise<void> {
    if (!(await this.#options.users.create(newUser(username, passwordHash, this.#clock())))) {
      throw new AccountError(`There is a user ${quote(username)} already.`);
    }
  }

  async #hash(password: string, username: string): Promise<string> {
    const objection = await this.#options.policy.objectionTo(password, username);
    if (objection !== undefined) {
      throw new AccountError(objection);
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
    for (;;) {
      const user = await this.#find(username);
      const next = { ...user, ...changes, version: newVersion() };
      if (await this.#options.users.replace(next, user.version)) {
        return;
      }
    }
  }
}

/** A name as a message shows it: in quotes, and with nothing in it that a terminal would act on. */
export function quote(name: string): string {
  return printable(JSON.stringify(name));
}

function assertName(username: string): void {
  const { length } = [...username];
  if (length === 0 || length > MAX_NAME_LENGTH) {
    throw new AccountError(`A name has 1 to ${MAX_NAME_LENGTH} characters, not ${length}.`);
  }
  if (printable(username) !== username) {
    throw new AccountError(`The name ${quote(username)} has characters that cannot be seen.`);
  }
}

function unknownUser(username: string): AccountError {
  return new AccountError(`There is no user ${quote(username)}.`);
}
