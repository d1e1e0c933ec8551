import { appendFileSync } from 'node:fs';
import type { Test } from 'tap';
import { findProgram, installCommand } from './program-table.js';

/** Tests that are skipped already. A test that needs two programs, or one program twice, is skipped once. */
const skipped = new WeakSet<Test>();

/**
 * Returns the path of a program that a test starts. If the program is missing, skips the test with a line that says
 * what to install, and returns undefined. Under `CI=true` a missing program is a failure instead.
 */
export function program(t: Test, name: string): string | undefined {
  const path = findProgram(name);
  if (path === undefined) {
    skip(t, name, `${name} is missing; on Debian: ${installCommand([name])}`);
  }
  return path;
}

function skip(t: Test, name: string, reason: string): void {
  if (process.env.CI === 'true') {
    throw new Error(reason);
  }
  if (skipped.has(t)) {
    return;
  }
  skipped.add(t);
  t.plan(0, reason);
  // scripts/test.js counts these lines for the summary at its end.
  if (process.env.SKIPPED_TESTS_FILE !== undefined) {
    appendFileSync(process.env.SKIPPED_TESTS_FILE, `${name}\n`);
  }
}
