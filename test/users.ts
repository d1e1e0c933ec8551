import type { Test } from 'tap';
import { openMemoryFailureLimiter } from '../src/stores/memory/failure-limiter.ts';
import { closeStores, openStores, type Stores } from '../src/stores/open-stores.ts';
import { newUser } from '../src/stores/user-store.ts';
import { PasswordHasher } from '../src/users/passwords.ts';
import { Throttle, type ThrottleOptions } from '../src/users/throttle.ts';

/** The stores behind an address, as another process has them open, closed at the end of the test. */
export async function openTestStores(t: Test, storeUrl: string): Promise<Stores> {
  const stores = await openStores(storeUrl);
  t.teardown(() => closeStores(stores));
  return stores;
}

/** Adds a user past the policy of passwords. */
export async function addUser(
  { users }: Stores,
  { username, password }: { username: string; password: string },
): Promise<void> {
  await users.create(newUser(username, await new PasswordHasher().hash(password)));
}

/** A throttle with the service's own limits, unless told otherwise, that counts in this process. */
export function newThrottle(options: Partial<ThrottleOptions> = {}): Throttle {
  return new Throttle({
    openLimiter: openMemoryFailureLimiter,
    failuresPerAddress: 20,
    failuresPerUser: 10,
    windowSeconds: 900,
    ...options,
  });
}
