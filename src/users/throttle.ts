import type { RateLimiterRes } from 'rate-limiter-flexible';
import { TooManyFailures } from '../errors.ts';
import { networkOf } from '../network.ts';
import type { Milliseconds } from '../types.ts';
import type { FailureCounter, OpenFailureCounter } from './failure-counter.ts';
import type { UserRecord } from './user-store.ts';

/** One check of a password, at sign-in or before a password change. */
export interface Attempt {
  readonly username: string;
  /** The user of that name, if it exists. For the log only: an unknown name has the same limits. */
  readonly user: UserRecord | undefined;
  /** The client's address in canonical form. */
  readonly address: string;
  /** The id in the client's device token, if the token is valid for this user. */
  readonly deviceId: string | undefined;
}

export interface ThrottleOptions {
  readonly openCounter: OpenFailureCounter;
  /** Failures per window from one IPv4 address or one IPv6 /64. */
  readonly failuresPerAddress: number;
  /** Failures per window for one user name: from unknown browsers, and separately from each known browser. */
  readonly failuresPerUser: number;
  /** The length of the window. It begins with the first failure. */
  readonly windowSeconds: number;
}

interface Limit {
  readonly name: string;
  readonly max: number;
  readonly counter: FailureCounter;
}

/** A limit and the key that an attempt counts for. */
interface LimitedKey extends Limit {
  readonly key: string;
}

interface Usage extends LimitedKey {
  readonly failures: number;
  /** The time until the window ends. */
  readonly waitMs: Milliseconds;
}

/**
 * Limits how many passwords can be guessed (OWASP ASVS 5.0, 6.3.1; NIST SP 800-63B-4, section 3.2.2). The limits do
 * not depend on whether the user exists.
 *
 * Attempts from unknown browsers share limits per address, per user, and per pair of both. A browser with a valid
 * device token has a limit of its own, so that deliberate failures do not lock the user out (OWASP, "Slow Down Online
 * Guessing Attacks with Device Cookies").
 */
export class Throttle {
  readonly #address: Limit;
  readonly #user: Limit;
  readonly #pair: Limit;
  readonly #device: Limit;

  constructor({ openCounter, failuresPerAddress, failuresPerUser, windowSeconds }: ThrottleOptions) {
    const open = (name: string, max: number): Limit => {
      return { name, max, counter: openCounter(name, windowSeconds) };
    };
    this.#address = open('address', failuresPerAddress);
    this.#user = open('user', failuresPerUser);
    this.#pair = open('pair', failuresPerUser);
    this.#device = open('device', failuresPerUser);
  }

  /** Rejects an attempt that has used up a limit, before anything is spent on it. @throws TooManyFailures */
  async assertNotLimited(attempt: Attempt): Promise<void> {
    const usages = await this.#usages(attempt, ({ counter, key }) => counter.get(key));
    const exceeded = usages.filter(({ max, failures, waitMs }) => failures >= max && waitMs > 0);
    if (exceeded.length > 0) {
      throw tooManyFailures(attempt, exceeded);
    }
  }

  /**
   * Counts an attempt as a failure. Call it before the password is verified, so that concurrent attempts cannot exceed
   * a limit, and call `refund` if the attempt succeeds. Returns the names of the limits that this attempt has hit.
   * @throws TooManyFailures if a limit is exceeded. The attempt is then not counted.
   */
  async consume(attempt: Attempt): Promise<string[]> {
    const usages = await this.#usages(attempt, ({ counter, key }) => counter.penalty(key));
    const exceeded = usages.filter(({ max, failures }) => failures > max);
    if (exceeded.length > 0) {
      await Promise.all(usages.map(({ counter, key }) => counter.reward(key)));
      throw tooManyFailures(attempt, exceeded);
    }
    return usages.filter(({ max, failures }) => failures === max).map(({ name }) => name);
  }

  /**
   * Undoes `consume` after a success, and forgets the earlier failures of the same user from the same address or known
   * browser, because the user made them (NIST SP 800-63B-3, section 5.2.2). All other failures still count.
   */
  async refund(attempt: Attempt): Promise<void> {
    if (attempt.deviceId !== undefined) {
      await this.#device.counter.take(attempt.deviceId);
      return;
    }
    const [address, user, pair] = this.#unknownBrowserLimits(attempt);
    // `take` returns each failure to one caller only, so concurrent refunds cannot give back more than was counted.
    const failures = await pair.counter.take(pair.key);
    await Promise.all([address, user].map(({ counter, key }) => counter.reward(key, failures)));
  }

  #usages(attempt: Attempt, read: (limit: LimitedKey) => Promise<RateLimiterRes | null>): Promise<Usage[]> {
    const limits =
      attempt.deviceId === undefined
        ? this.#unknownBrowserLimits(attempt)
        : [{ ...this.#device, key: attempt.deviceId }];
    return Promise.all(
      limits.map(async (limit) => {
        const found = await read(limit);
        return { ...limit, failures: found?.consumedPoints ?? 0, waitMs: found?.msBeforeNext ?? 0 };
      }),
    );
  }

  #unknownBrowserLimits({ username, address }: Attempt): readonly [LimitedKey, LimitedKey, LimitedKey] {
    const network = networkOf(address);
    return [
      { ...this.#address, key: network },
      { ...this.#user, key: username },
      // A network contains no space, so two different pairs never have the same key.
      { ...this.#pair, key: `${network} ${username}` },
    ];
  }
}

function tooManyFailures({ user }: Attempt, exceeded: readonly Usage[]): TooManyFailures {
  const waitMs = Math.max(...exceeded.map((one) => one.waitMs));
  const names = exceeded.map(({ name }) => name);
  return new TooManyFailures(Math.max(1, Math.ceil(waitMs / 1000)), names, user?.username);
}
