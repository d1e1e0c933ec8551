import type { MaybePromise } from '../types.ts';
import type { UserStore } from '../users/user-store.ts';
import { runChecks, type TestFunction } from './suite.ts';
import { userChecks } from './user-checks.ts';
import { userValueChecks } from './user-value-checks.ts';

/**
 * Tests that a store keeps the contract of `UserStore`: one test for each rule.
 *
 * @param test Registers a test: `t.test` of tap, `test` of node:test or of Vitest.
 * @param open Returns a new, empty store for each test. The suite closes it.
 */
export function testUserStore(test: TestFunction, open: () => MaybePromise<UserStore>): Promise<void> {
  const checks = { ...userChecks, ...userValueChecks };
  return runChecks(test, { contract: 'UserStore', checks, open, close: (store) => store.close() });
}
