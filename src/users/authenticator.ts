import { randomUUID } from 'node:crypto';
import type { UserRecord, UserStore } from '../stores/user-store.ts';
import { isOutdated } from './password-hash.ts';
import type { PasswordHasher } from './passwords.ts';

type Users = Pick<UserStore, 'find' | 'replace'>;

/** Tells whether a name and a password belong together. */
export class Authenticator {
  readonly #users: Users;
  readonly #passwords: PasswordHasher;
  readonly #decoyHash: string;
  readonly #onRenewalError: (error: unknown) => void;

  private constructor(
    users: Users,
    passwords: PasswordHasher,
    decoyHash: string,
    onRenewalError: (error: unknown) => void,
  ) {
    this.#users = users;
    this.#passwords = passwords;
    this.#decoyHash = decoyHash;
    this.#onRenewalError = onRenewalError;
  }

  /** `onRenewalError` hears why an outdated hash could not be renewed, which keeps nobody from signing in. */
  static async create(
    users: Users,
    passwords: PasswordHasher,
    onRenewalError: (error: unknown) => void = () => {},
  ): Promise<Authenticator> {
    return new Authenticator(users, passwords, await passwords.hash(randomUUID()), onRenewalError);
  }

  /**
   * The user of that name if that is their password and they are not disabled. An unknown name costs the same one
   * hash, against a decoy, so that the time of the answer does not tell which names exist (OWASP Authentication
   * Cheat Sheet, "Authentication and Error Messages").
   * @throws SignInBusy when too many hashes are waiting already.
   */
  async verify(username: string, password: string): Promise<UserRecord | undefined> {
    const user = await this.#users.find(username);
    const matches = await this.#passwords.verify(user?.passwordHash ?? this.#decoyHash, password);
    if (!matches || user === undefined || user.disabled) {
      return undefined;
    }
    if (isOutdated(user.passwordHash, password)) {
      await this.#renewHash(user, password);
    }
    return user;
  }

  /** Whether nothing of what a session of this user rests on has changed since `user` was read. */
  async isUnchanged({ username, version }: UserRecord): Promise<boolean> {
    return (await this.#users.find(username))?.version === version;
  }

  /** Now is the only time that the password is known. */
  async #renewHash(user: UserRecord, password: string): Promise<void> {
    try {
      const passwordHash = await this.#passwords.hash(password);
      await this.#users.replace({ ...user, passwordHash }, user.version);
    } catch (error) {
      this.#onRenewalError(error);
    }
  }
}
