import type { Test } from 'tap';
import { openMemoryFailureCounter } from '../../src/stores/memory/failure-counter.ts';
import { openStores } from '../../src/stores/open-stores.ts';
import { closeStores, type Stores } from '../../src/stores/stores.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';
import { Throttle, type ThrottleOptions } from '../../src/users/throttle.ts';
import { newUser } from '../../src/users/user-store.ts';

/** Opens the stores of a `STORE_URL`, as another process would. They are closed at the end of the test. */
export async function openTestStores(t: Test, storeUrl: string): Promise<Stores> {
  const stores = await openStores(storeUrl);
  t.teardown(() => closeStores(stores));
  return stores;
}

/** Adds a user without checking the password against the policy. */
export async function addUser(
  { users }: Stores,
  { username, password }: { username: string; password: string },
): Promise<void> {
  await users.create(newUser(username, await new PasswordHasher().hash(password)));
}

/** A throttle with the default limits that counts in memory. */
export function newThrottle(options: Partial<ThrottleOptions> = {}): Throttle {
  return new Throttle({
    openCounter: openMemoryFailureCounter,
    failuresPerAddress: 20,
    failuresPerUser: 10,
    windowSeconds: 900,
    clock: Date.now,
    ...options,
  });
}
