import { randomUUID } from 'node:crypto';
import type { Clock } from '../sessions/record.ts';
import { newUser, newVersion, type UserRecord, type UserStore } from '../stores/user-store.ts';
import { readDeviceToken } from './device-token.ts';
import { isOutdated } from './password-hash.ts';
import type { PasswordHasher } from './passwords.ts';
import type { Throttle } from './throttle.ts';

export interface AuthenticatorOptions {
  readonly users: Pick<UserStore, 'find' | 'replace'>;
  readonly passwords: PasswordHasher;
  readonly throttle: Throttle;
  readonly clock: Clock;
  /** Hears why an outdated hash could not be renewed, which keeps nobody from signing in. */
  readonly onRenewalError: (error: unknown) => void;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Where credentials come from. */
export interface Origin {
  /** The client's address, in its one text form. */
  readonly address: string;
  /** What the client says are device tokens. */
  readonly deviceTokens: readonly string[];
}

/** Credentials that belong together. */
export interface Proof {
  readonly user: UserRecord;
  /** The browser they come from, if it is known to have signed in as this user. */
  readonly deviceId: string | undefined;
}

/** Why credentials were refused. For the log: a client is told nothing of which. */
export class CredentialsRefused {
  readonly reason: 'unknown user' | 'wrong password' | 'disabled user';
  /** The user, if there is one of that name. */
  readonly username: string | undefined;
  /** The names of the limits that this failure has reached. */
  readonly reached: readonly string[];

  constructor(user: UserRecord | undefined, matches: boolean, reached: readonly string[]) {
    this.reason = user === undefined ? 'unknown user' : matches ? 'disabled user' : 'wrong password';
    this.username = user?.username;
    this.reached = reached;
  }
}

/** Tells whether a name and a password belong together, and never too often. Every password goes by it. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  /** Whoever does not exist. */
  readonly #decoy: UserRecord;

  private constructor(options: AuthenticatorOptions, decoy: UserRecord) {
    this.#options = options;
    this.#decoy = decoy;
  }

  static async create(options: AuthenticatorOptions): Promise<Authenticator> {
    return new Authenticator(options, newUser('', await options.passwords.hash(randomUUID())));
  }

  /**
   * The user of that name if that is their password and they are not disabled. An unknown name costs the same one
   * hash, against a decoy, so that the time of the answer does not tell which names exist (OWASP Authentication
   * Cheat Sheet, "Authentication and Error Messages").
   * @throws TooManyFailures, for a right password as well; SignInBusy when too many hashes are waiting already.
   */
  async verify(
    { username, password }: Credentials,
    { address, deviceTokens }: Origin,
  ): Promise<Proof | CredentialsRefused> {
    const { users, passwords, throttle } = this.#options;
    const user = await users.find(username);
    const target = user ?? this.#decoy;
    const attempt = { username, user, address, deviceId: this.#deviceIn(deviceTokens, target) };
    await throttle.assertOpen(attempt);
    let reached: readonly string[] = [];
    const matches = await passwords.verify(target.passwordHash, password, async () => {
      reached = await throttle.charge(attempt);
    });
    if (!matches || user === undefined || user.disabled) {
      return new CredentialsRefused(user, matches, reached);
    }
    await throttle.forgive(attempt);
    if (isOutdated(user.passwordHash, password)) {
      await this.#renewHash(user, password);
    }
    return { user, deviceId: attempt.deviceId };
  }

  /** Whether nothing of what a session of this user rests on has changed since `user` was read. */
  async isUnchanged({ username, version }: UserRecord): Promise<boolean> {
    return (await this.#options.users.find(username))?.version === version;
  }

  /**
   * Gives a user who has just shown their password another one. `undefined` if anything about them has changed since.
   * @throws SignInBusy when too many hashes are waiting already.
   */
  async changePassword(user: UserRecord, password: string): Promise<UserRecord | undefined> {
    const { users, passwords, clock } = this.#options;
    const passwordHash = await passwords.hash(password);
    const next = { ...user, passwordHash, passwordChangedAt: clock(), version: newVersion() };
    return (await users.replace(next, user.version)) ? next : undefined;
  }

  #deviceIn(deviceTokens: readonly string[], user: UserRecord): string | undefined {
    const now = this.#options.clock();
    return deviceTokens.map((token) => readDeviceToken(token, user, now)).find((id) => id !== undefined);
  }

  /** Now is the only time that the password is known. */
  async #renewHash(user: UserRecord, password: string): Promise<void> {
    try {
      const passwordHash = await this.#options.passwords.hash(password);
      await this.#options.users.replace({ ...user, passwordHash }, user.version);
    } catch (error) {
      this.#options.onRenewalError(error);
    }
  }
}
