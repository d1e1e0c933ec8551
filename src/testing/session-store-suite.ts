import type { SessionStore } from '../sessions/session-store.ts';
import type { MaybePromise } from '../types.ts';
import { ownerChecks } from './session-owner-checks.ts';
import { raceChecks } from './session-race-checks.ts';
import { recordChecks } from './session-record-checks.ts';
import { valueChecks } from './session-value-checks.ts';
import { runChecks, type TestFunction } from './suite.ts';

/**
 * Tests that a store keeps the contract of `SessionStore`: one test for each rule.
 *
 * @param test Registers a test: `t.test` of tap, `test` of node:test or of Vitest.
 * @param open Returns a new, empty store for each test. The suite closes it.
 */
export function testSessionStore(test: TestFunction, open: () => MaybePromise<SessionStore>): Promise<void> {
  const checks = { ...recordChecks, ...ownerChecks, ...raceChecks, ...valueChecks };
  return runChecks(test, { contract: 'SessionStore', checks, open, close: (store) => store.close() });
}
