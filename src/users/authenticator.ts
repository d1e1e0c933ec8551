import { randomUUID } from 'node:crypto';
import type { UserRecord, UserStore } from '../stores/user-store.ts';
import type { PasswordHasher } from './passwords.ts';

/** Tells whether a name and a password belong together. */
export class Authenticator {
  readonly #users: UserStore;
  readonly #passwords: PasswordHasher;
  readonly #decoyHash: string;

  private constructor(users: UserStore, passwords: PasswordHasher, decoyHash: string) {
    this.#users = users;
    this.#passwords = passwords;
    this.#decoyHash = decoyHash;
  }

  static async create(users: UserStore, passwords: PasswordHasher): Promise<Authenticator> {
    return new Authenticator(users, passwords, await passwords.hash(randomUUID()));
  }

  /**
   * The user of that name if that is their password. An unknown name costs the same one hash, against a decoy,
   * so that the time of the answer does not tell which names exist (OWASP Authentication Cheat Sheet,
   * "Authentication and Error Messages").
   * @throws SignInBusy when too many hashes are waiting already.
   */
  async verify(username: string, password: string): Promise<UserRecord | undefined> {
    const user = await this.#users.find(username);
    const matches = await this.#passwords.verify(user?.passwordHash ?? this.#decoyHash, password);
    return matches ? user : undefined;
  }
}
