import { TooManyFailures } from '../errors.ts';
import { networkOf } from '../network.ts';
import type { Clock } from '../types.ts';
import { placeOfKnown } from './authenticator.ts';
import type { FailureCounter } from './failure-counter.ts';
import { findByLink, LinkFailure } from './password-link.ts';
import type { PasswordHasher } from './passwords.ts';
import { changeIfSessionsValid, withPassword } from './user-changes.ts';
import { keyOf, type UserRecord, type UserStore } from './user-store.ts';

export interface PasswordLinksOptions {
  readonly users: Pick<UserStore, 'find' | 'replace'>;
  readonly passwords: PasswordHasher;
  /**
   * Counts invalid links by network. It is not the counter of failed sign-ins: these must not keep a user from the link that
   * replaces the password.
   */
  readonly counter: FailureCounter;
  /** Invalid links per window from one IPv4 address or one IPv6 /64. */
  readonly failuresPerAddress: number;
  readonly clock: Clock;
}

/** Verifies and uses links to set a password. */
export class PasswordLinks {
  readonly #options: PasswordLinksOptions;

  constructor(options: PasswordLinksOptions) {
    this.#options = options;
  }

  /**
   * Returns the user of a valid link, which stays valid. The attempt is counted before the look-up, so that concurrent
   * attempts cannot exceed the limit.
   * @throws TooManyFailures if the client has sent too many invalid links.
   */
  async verify(token: string, address: string): Promise<UserRecord | LinkFailure> {
    const { users, counter, failuresPerAddress, clock } = this.#options;
    const network = networkOf(address);
    const { failures, windowId, endsInMs } = await counter.increment(network);
    let found: UserRecord | LinkFailure | undefined;
    try {
      found = failures > failuresPerAddress ? undefined : await findByLink(users, token, clock());
    } finally {
      // Only an invalid link counts, and not a failure of the store.
      if (!(found instanceof LinkFailure)) {
        await counter.decrement(network, windowId, 1);
      }
    }
    if (found === undefined) {
      throw new TooManyFailures(Math.max(1, Math.ceil(endsInMs / 1000)), ['link']);
    }
    return found;
  }

  /**
   * Sets the password of a user that `verify` returned, after `beforeChange`. Of concurrent calls one succeeds. Returns the new
   * record, or `undefined` if the link has become invalid. The user can sign in with the new password in spite of earlier failures.
   * @throws SignInBusy if too many hashes are waiting.
   */
  async use(user: UserRecord, password: string, beforeChange: () => Promise<void>): Promise<UserRecord | undefined> {
    const { users, passwords, clock } = this.#options;
    const passwordHash = await passwords.hash(password, placeOfKnown(keyOf(user)));
    await beforeChange();
    const now = clock();
    return changeIfSessionsValid(users, user, (current) =>
      current.passwordLink?.secretHash === user.passwordLink?.secretHash
        ? { ...withPassword(current, passwordHash, now), unlockedAt: now }
        : undefined,
    );
  }
}
