import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Test } from 'tap';

/**
 * The path of a program that a test needs for real. Where it is missing the test is skipped with a line that says
 * what to install; under `CI=true` that is a failure.
 */
export function program(t: Test, name: string): string | undefined {
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find(isExecutable);
  if (path === undefined) {
    const reason = `${name} is missing; on Debian: apt-get install ${name}`;
    if (process.env.CI === 'true') {
      throw new Error(reason);
    }
    t.plan(0, reason);
  }
  return path;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
