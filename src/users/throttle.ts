import { TooManyFailures } from '../errors.ts';
import { networkOf } from '../network.ts';
import type { Clock, MaybePromise, Milliseconds } from '../types.ts';
import type { FailureCount, FailureCounter, OpenFailureCounter } from './failure-counter.ts';
import type { UserRecord } from './user-store.ts';
import { usernameKey } from './username.ts';

/** One check of a password, at sign-in or before a password change. */
export interface Attempt {
  /** The key of the name that was sent. */
  readonly nameKey: string;
  /** The user of that name, if it exists. An unknown name has the limits of a user who was never unlocked. */
  readonly user: Pick<UserRecord, 'username' | 'unlockedAt'> | undefined;
  /** The client's address in canonical form. */
  readonly address: string;
  /** The id in the client's device token, if the token is valid for this user. */
  readonly deviceId: string | undefined;
}

/** An attempt that is counted as a failure. */
export interface CountedAttempt {
  /** The names of the limits that this attempt has hit. */
  readonly limitsHit: readonly string[];
  /** Call it if the attempt succeeds. */
  refund(): Promise<void>;
}

export interface ThrottleOptions {
  readonly openCounter: OpenFailureCounter;
  /** Failures per window from one IPv4 address or one IPv6 /64. */
  readonly failuresPerAddress: number;
  /** Failures per window for one user name: from unknown browsers, and separately from each known browser. */
  readonly failuresPerUser: number;
  /** The length of the window. It begins with the first failure. */
  readonly windowSeconds: number;
  readonly clock: Clock;
}

interface Limit {
  readonly name: string;
  readonly max: number;
  readonly counter: FailureCounter;
  /** Counts, for each key of this limit, the failures of one user name from one address. */
  readonly own?: Limit;
}

/** A limit, the key that an attempt counts for, the count of the key, and the limit of this attempt. */
interface Usage extends FailureCount {
  readonly limit: Limit;
  readonly key: string;
  readonly max: number;
}

type LimitKey = Pick<Usage, 'limit' | 'key'>;

/**
 * Limits how many passwords can be guessed (OWASP ASVS 5.0, 6.3.1; NIST SP 800-63B-4, section 3.2.2). The limits do
 * not depend on whether the user exists.
 *
 * Attempts from unknown browsers share limits per address, per user, and per pair of both. A browser with a valid
 * device token has a limit of its own, so that deliberate failures do not lock the user out (OWASP, "Slow Down Online
 * Guessing Attacks with Device Cookies").
 *
 * An unlock of a user starts new counts for that user on every instance, because its time is part of the keys. For one
 * window it also lets the user in from an address that the failures of this user have used up. Failures of other names
 * from that address still count.
 */
export class Throttle {
  readonly #address: Limit;
  readonly #user: Limit;
  readonly #device: Limit;
  /** Has no limit. It counts which failures of an address are those of one user name. */
  readonly #share: Limit;
  readonly #windowMs: Milliseconds;
  readonly #clock: Clock;

  constructor({ openCounter, failuresPerAddress, failuresPerUser, windowSeconds, clock }: ThrottleOptions) {
    const open = (name: string, max: number): Limit => ({ name, max, counter: openCounter(name, windowSeconds) });
    this.#share = open('share', Number.POSITIVE_INFINITY);
    this.#address = { ...open('address', failuresPerAddress), own: this.#share };
    this.#user = { ...open('user', failuresPerUser), own: open('pair', failuresPerUser) };
    this.#device = open('device', failuresPerUser);
    this.#windowMs = windowSeconds * 1000;
    this.#clock = clock;
  }

  /** Rejects an attempt that has used up a limit, before anything is spent on it. @throws TooManyFailures */
  async assertNotLimited(attempt: Attempt): Promise<void> {
    const shared = await this.#usages(attempt, this.#keysOf(attempt), 'get');
    const usages = [...shared, ...(await this.#usages(attempt, ownKeys(attempt, shared), 'get'))];
    const exceeded = usages.filter(({ max, failures, endsInMs }) => failures >= max && endsInMs > 0);
    if (exceeded.length > 0) {
      throw tooManyFailures(attempt, exceeded);
    }
  }

  /**
   * Counts an attempt as a failure. Call it before the password is verified, so that concurrent attempts cannot exceed
   * a limit, and call `refund` if the attempt succeeds.
   *
   * The address is counted first, then the user, then both together. An attempt that exceeds a limit is not counted. One that
   * exceeds the limit of the address adds no other key: otherwise one address could fill the counters with invented names
   * at no cost.
   * @throws TooManyFailures if a limit is exceeded.
   */
  async consume(attempt: Attempt): Promise<CountedAttempt> {
    const counted: Usage[] = [];
    const count = async (keys: readonly LimitKey[]) => {
      const usages = await this.#usages(attempt, keys, 'increment');
      counted.push(...usages);
      const exceeded = usages.filter(({ max, failures }) => failures > max);
      if (exceeded.length > 0) {
        await decrementAll(counted, 1);
        throw tooManyFailures(attempt, exceeded);
      }
    };
    for (const key of this.#keysOf(attempt)) {
      await count([key]);
    }
    await count(ownKeys(attempt, counted));
    const limitsHit = counted.filter(({ max, failures }) => failures === max).map(({ limit }) => limit.name);
    return { limitsHit, refund: () => refund(counted) };
  }

  /** The limits of an attempt: that of the known browser, or those of the address and of the user. */
  #keysOf(attempt: Attempt): LimitKey[] {
    const { deviceId, address, nameKey } = attempt;
    if (deviceId !== undefined) {
      return [{ limit: this.#device, key: sinceUnlock(attempt, deviceId) }];
    }
    const ofUser = { limit: this.#user, key: sinceUnlock(attempt, nameKey) };
    return [{ limit: this.#address, key: networkOf(address) }, ofUser];
  }

  /** Reads or counts keys, all of them together. */
  async #usages(attempt: Attempt, keys: readonly LimitKey[], method: 'get' | 'increment'): Promise<Usage[]> {
    const usages = keys.map(async ({ limit, key }) => {
      const count = await limit.counter[method](key);
      if (count === undefined) {
        return [];
      }
      const forgiven = limit === this.#address ? await this.#forgiven(attempt, count) : 0;
      return { limit, key, ...count, max: limit.max + forgiven };
    });
    return (await Promise.all(usages)).flat();
  }

  /** The failures that do not count for the address, because the user was unlocked less than a window ago. */
  async #forgiven(attempt: Attempt, ofAddress: FailureCount): Promise<number> {
    const { unlockedAt = 0 } = attempt.user ?? {};
    if (this.#clock() >= unlockedAt + this.#windowMs) {
      return 0;
    }
    return (await this.#share.counter.get(ownKey(ofAddress, attempt)))?.failures ?? 0;
  }
}

/** Reads the failures of a user from unknown browsers, for the command line. The counter is that of the limit `user`. */
export function readUserFailures(counter: FailureCounter, user: UserRecord): MaybePromise<FailureCount | undefined> {
  return counter.get(sinceUnlock({ user }, usernameKey(user.username)));
}

/** The key of failures since the latest unlock. The name is last because it may contain spaces. */
function sinceUnlock({ user }: Pick<Attempt, 'user'>, name: string): string {
  return `${user?.unlockedAt ?? 0} ${name}`;
}

/** The key of the failures of one user name from one address, in a window of either. */
function ownKey({ windowId }: FailureCount, { address, nameKey }: Attempt): string {
  return `${windowId} ${networkOf(address)} ${nameKey}`;
}

/** The counts for one window of the address and of the user. So a refund cannot give back failures of earlier windows. */
function ownKeys(attempt: Attempt, usages: readonly Usage[]): LimitKey[] {
  return usages.flatMap((usage) => (usage.limit.own ? { limit: usage.limit.own, key: ownKey(usage, attempt) } : []));
}

/**
 * Undoes `consume` after a success, and forgets the earlier failures of the same user from the same address or known
 * browser, because the user made them (NIST SP 800-63B-3, section 5.2.2). All other failures still count.
 */
async function refund(counted: readonly Usage[]): Promise<void> {
  const [limited, own] = counted.length === 1 ? [[], counted] : [counted.slice(0, 2), counted.slice(2)];
  await Promise.all(
    own.map(async ({ limit, key }, index) => {
      // `take` returns each failure to one caller only, so concurrent refunds cannot give back more than was counted.
      await decrementAll(limited.slice(index, index + 1), await limit.counter.take(key));
    }),
  );
}

async function decrementAll(usages: readonly Usage[], by: number): Promise<void> {
  await Promise.all(usages.map(({ limit, key, windowId }) => limit.counter.decrement(key, windowId, by)));
}

function tooManyFailures({ user }: Attempt, exceeded: readonly Usage[]): TooManyFailures {
  const waitMs = Math.max(...exceeded.map(({ endsInMs }) => endsInMs));
  const names = exceeded.map(({ limit }) => limit.name);
  return new TooManyFailures(Math.max(1, Math.ceil(waitMs / 1000)), names, user?.username);
}
