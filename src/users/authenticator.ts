import { randomUUID } from 'node:crypto';
import { escapeControlChars } from '../escape.ts';
import { networkOf, wideNetworkOf } from '../network.ts';
import type { Clock } from '../types.ts';
import { readDeviceToken } from './device-token.ts';
import type { Place } from './fair-queue.ts';
import { needsRehash, UnusableHash } from './password-hash.ts';
import type { PasswordHasher, VerifyOptions } from './passwords.ts';
import type { Attempt, CountedAttempt, Throttle } from './throttle.ts';
import { changeIfSessionsValid, findIfSessionsValid, nextVersion, withPassword } from './user-changes.ts';
import { findByName, newUser, type UserRecord, type UserStore } from './user-store.ts';
import { usernameKey } from './username.ts';

export interface AuthenticatorOptions {
  readonly users: Pick<UserStore, 'find' | 'replace'>;
  readonly passwords: PasswordHasher;
  readonly throttle: Throttle;
  readonly clock: Clock;
  readonly log: AuthenticatorLog;
}

/** Logs stored hashes that cannot be verified or replaced. Fastify's logger fits. */
export interface AuthenticatorLog {
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** Replaces the password at the sign-in. */
  readonly newPassword?: string;
}

/** The client that sends the credentials. */
export interface ClientContext {
  /** The address in canonical form. */
  readonly address: string;
  /** The device tokens that the client sent, not yet verified. */
  readonly deviceTokens: readonly string[];
}

/** The result of valid credentials. */
export interface VerifiedUser {
  readonly user: UserRecord;
  /** The id in the client's device token, if the token is valid for this user. */
  readonly deviceId: string | undefined;
}

/** The result of invalid credentials. It is for the log: the client must not learn the reason. */
export class SignInFailure {
  readonly reason: 'unknown user' | 'wrong password' | 'disabled user';
  /** The name of the user, if the user exists. */
  readonly username: string | undefined;
  /** The names of the limits that this failure has hit. */
  readonly limitsHit: readonly string[];

  constructor(user: UserRecord | undefined, matches: boolean, limitsHit: readonly string[] = []) {
    this.reason = user === undefined ? 'unknown user' : matches ? 'disabled user' : 'wrong password';
    this.username = user?.username;
    this.limitsHit = limitsHit;
  }
}

/** Verifies credentials within the limits of the throttle. All password checks use it. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  /** The user that an unknown name is verified against. */
  readonly #decoy: UserRecord;

  private constructor(options: AuthenticatorOptions, decoy: UserRecord) {
    this.#options = options;
    this.#decoy = decoy;
  }

  static async create(options: AuthenticatorOptions): Promise<Authenticator> {
    return new Authenticator(options, newUser('decoy', await options.passwords.hash(randomUUID())));
  }

  /**
   * Verifies the credentials of an enabled user. An unknown name costs one hash as well, against a decoy, so that the
   * response time does not reveal which names exist (OWASP Authentication Cheat Sheet, "Authentication and Error
   * Messages").
   * @throws TooManyFailures, also if the password is right; SignInBusy if too many hashes are waiting.
   */
  async verify(
    { username, password }: Credentials,
    { address, deviceTokens }: ClientContext,
  ): Promise<VerifiedUser | SignInFailure> {
    const { users, throttle } = this.#options;
    const user = await findByName(users, username);
    const target = user ?? this.#decoy;
    const attempt = { nameKey: usernameKey(username), user, address, deviceId: this.#deviceIdIn(deviceTokens, target) };
    await throttle.assertNotLimited(attempt);
    let counted: CountedAttempt | undefined;
    const beforeVerify = async () => {
      counted = await throttle.consume(attempt);
    };
    const matches = await this.#matches(target, password, { beforeVerify, ...placeOf(attempt) });
    if (!matches || user === undefined || user.disabled) {
      return new SignInFailure(user, matches, counted?.limitsHit);
    }
    await counted?.refund();
    return { user, deviceId: attempt.deviceId };
  }

  /** Returns the current record of a user whose sessions are still valid: same password, and still enabled. Otherwise `undefined`. */
  findIfSessionsValid(user: UserRecord): Promise<UserRecord | undefined> {
    return findIfSessionsValid(this.#options.users, user);
  }

  /**
   * Changes the password of a user that `verify` returned, after `beforeChange`. Returns the new record, or `undefined` if the
   * password has changed since, or the user was disabled.
   * @throws SignInBusy if too many hashes are waiting.
   */
  async changePassword(
    user: UserRecord,
    password: string,
    beforeChange?: () => Promise<void>,
  ): Promise<UserRecord | undefined> {
    const { users, passwords, clock } = this.#options;
    const passwordHash = await passwords.hash(password, placeOfKnown(usernameKey(user.username)));
    await beforeChange?.();
    return changeIfSessionsValid(users, user, (current) => withPassword(current, passwordHash, clock()));
  }

  /**
   * Stores the time of a sign-in in the record of a user that `verify` returned. Also replaces a weak hash, which is possible
   * only here, where the password is known. A failure is logged and does not prevent the sign-in.
   */
  async recordSignIn(user: UserRecord, password: string): Promise<void> {
    const { users, passwords, clock, log } = this.#options;
    try {
      const lastSignInAt = clock();
      const isWeak = needsRehash(user.passwordHash, password);
      const renewed = isWeak && {
        passwordHash: await passwords.hash(password, placeOfKnown(usernameKey(user.username))),
      };
      await changeIfSessionsValid(users, user, (current) => ({
        ...current,
        ...renewed,
        lastSignInAt,
        version: nextVersion(current),
      }));
    } catch (err) {
      log.warn({ err }, 'the time of a sign-in could not be stored, nor a new hash of a password with a weak one');
    }
  }

  #deviceIdIn(deviceTokens: readonly string[], user: UserRecord): string | undefined {
    const now = this.#options.clock();
    return deviceTokens.map((token) => readDeviceToken(token, user, now)).find((id) => id !== undefined);
  }

  /** A hash that cannot be verified is a wrong password, and costs one hash as well. */
  async #matches(user: UserRecord, password: string, options: VerifyOptions): Promise<boolean> {
    const { passwords, log } = this.#options;
    try {
      return await passwords.verify(user.passwordHash, password, options);
    } catch (err) {
      if (!(err instanceof UnusableHash)) {
        throw err;
      }
      const username = escapeControlChars(user.username);
      log.error({ err, username }, 'the stored hash of a user cannot be verified: set a new password');
      await passwords.verify(this.#decoy.passwordHash, password, options);
      return false;
    }
  }
}

/** The networks of a wide network that may have a hash in one turn of the queue. */
const NETWORKS_PER_TURN = 4;

/**
 * Returns the place of an attempt in the queue of hashes. Known browsers are first, and compete only with known browsers
 * of the same user. Others share the queue per user name and network.
 */
function placeOf({ nameKey, address, deviceId }: Attempt): Place {
  return deviceId !== undefined
    ? placeOfKnown(nameKey)
    : {
        shares: [
          { key: `user ${nameKey}`, perTurn: 1 },
          { key: networkOf(address), perTurn: 1 },
          { key: wideNetworkOf(address), perTurn: NETWORKS_PER_TURN },
        ],
      };
}

/** The place of a client that has proved who the user is. */
export function placeOfKnown(nameKey: string): Place {
  return { first: true, shares: [{ key: `known ${nameKey}`, perTurn: 1 }] };
}
