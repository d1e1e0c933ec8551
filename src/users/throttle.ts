import type { RateLimiterRes } from 'rate-limiter-flexible';
import { networkOf } from '../addresses.ts';
import { TooManyFailures } from '../errors.ts';
import type { Milliseconds } from '../sessions/record.ts';
import type { FailureLimiter, OpenFailureLimiter } from '../stores/failure-limiter.ts';
import { storeKey } from '../stores/store-key.ts';
import type { UserRecord } from '../stores/user-store.ts';

/** An attempt to tell a password. */
export interface Attempt {
  readonly username: string;
  /** The user of that name, if there is one: for the log. They are throttled like one that nobody is. */
  readonly user: UserRecord | undefined;
  /** The client's address, in its one text form. */
  readonly address: string;
  /** The browser it comes from, if it has signed in as this user before. */
  readonly deviceId: string | undefined;
}

export interface ThrottleOptions {
  readonly openLimiter: OpenFailureLimiter;
  /** Failures of one address, or of one /64 of IPv6, within a window. */
  readonly failuresPerAddress: number;
  /** Failures of one user name within a window: from anywhere, from one address, from a browser they signed in with. */
  readonly failuresPerUser: number;
  /** From the first failure on, in seconds. */
  readonly windowSeconds: number;
}

interface Limit {
  readonly name: string;
  readonly limiter: FailureLimiter;
  readonly limit: number;
}

/** A limit for what one attempt is counted by. */
interface Budget extends Limit {
  readonly key: string;
}

/** How far a budget is used up, and when all of it is there again. */
interface Count extends Budget {
  readonly failures: number;
  readonly waitMs: Milliseconds;
}

/**
 * Limits how many passwords can be guessed (OWASP ASVS 5.0, 6.3.1; NIST SP 800-63B-4, section 3.2.2), whether the name
 * exists or not.
 *
 * Who fails on purpose uses up what strangers have, and cannot lock the user out: a browser that has signed in as the
 * user before has a budget of its own (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
 */
export class Throttle {
  readonly #address: Limit;
  readonly #user: Limit;
  readonly #pair: Limit;
  readonly #device: Limit;

  constructor({ openLimiter, failuresPerAddress, failuresPerUser, windowSeconds }: ThrottleOptions) {
    const open = (name: string, limit: number): Limit => ({
      name,
      limit,
      limiter: openLimiter(name, windowSeconds),
    });
    this.#address = open('address', failuresPerAddress);
    this.#user = open('user', failuresPerUser);
    this.#pair = open('pair', failuresPerUser);
    this.#device = open('device', failuresPerUser);
  }

  /** Refuses an attempt that has no budget left, at no cost. @throws TooManyFailures */
  async assertOpen(attempt: Attempt): Promise<void> {
    const counts = await Promise.all(
      this.#budgetsOf(attempt).map(async (budget) => count(budget, await budget.limiter.get(budget.key))),
    );
    const spent = counts.filter(({ limit, failures, waitMs }) => failures >= limit && waitMs > 0);
    if (spent.length > 0) {
      throw tooMany(attempt, spent);
    }
  }

  /**
   * Counts an attempt as a failure before the password is looked at, so that of any number at once no more than the
   * limit are. Answers with the names of the limits that this one reaches.
   * @throws TooManyFailures
   */
  async charge(attempt: Attempt): Promise<string[]> {
    const counts = await Promise.all(
      this.#budgetsOf(attempt).map(async (budget) => count(budget, await budget.limiter.penalty(budget.key))),
    );
    const over = counts.filter(({ limit, failures }) => failures > limit);
    if (over.length > 0) {
      await Promise.all(counts.map(({ limiter, key }) => limiter.reward(key)));
      throw tooMany(attempt, over);
    }
    return counts.filter(({ limit, failures }) => failures === limit).map(({ name }) => name);
  }

  /**
   * Takes an attempt back that was no failure, and with it the earlier failures of the same user from the same place:
   * those were theirs (NIST SP 800-63B-3, section 5.2.2). Those from elsewhere, and of other names, stay.
   */
  async forgive(attempt: Attempt): Promise<void> {
    if (attempt.deviceId !== undefined) {
      await this.#device.limiter.take(attempt.deviceId);
      return;
    }
    const [address, user, pair] = this.#strangersBudgets(attempt);
    // What is taken here is given back there, once: of any number at once, no more and no less than was charged.
    const taken = await pair.limiter.take(pair.key);
    await Promise.all([address, user].map(({ limiter, key }) => limiter.reward(key, taken)));
  }

  #budgetsOf(attempt: Attempt): readonly Budget[] {
    return attempt.deviceId === undefined
      ? this.#strangersBudgets(attempt)
      : [{ ...this.#device, key: attempt.deviceId }];
  }

  #strangersBudgets({ username, address }: Attempt): readonly [Budget, Budget, Budget] {
    const network = networkOf(address);
    const user = storeKey(username);
    return [
      { ...this.#address, key: network },
      { ...this.#user, key: user },
      { ...this.#pair, key: `${network} ${user}` },
    ];
  }
}

function count(budget: Budget, found: Pick<RateLimiterRes, 'consumedPoints' | 'msBeforeNext'> | null): Count {
  return { ...budget, failures: found?.consumedPoints ?? 0, waitMs: found?.msBeforeNext ?? 0 };
}

function tooMany({ user }: Attempt, spent: readonly Count[]): TooManyFailures {
  const waitMs = Math.max(...spent.map((one) => one.waitMs));
  const names = spent.map(({ name }) => name);
  return new TooManyFailures(Math.max(1, Math.ceil(waitMs / 1000)), names, user?.username);
}
