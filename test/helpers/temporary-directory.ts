import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** A new directory that is removed at the end of the test. Unlike `t.testdir`, a test can have several. */
export function temporaryDirectory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'login-test-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
