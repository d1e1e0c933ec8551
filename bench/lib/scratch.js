import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @type {string | undefined} */
let root;

/**
 * An empty directory that is gone when this process has ended. Those that are killed cannot clear up: their parent
 * makes directories for them.
 * @param {string} name
 */
export function scratchDirectory(name) {
  root ??= makeRoot();
  return mkdtempSync(join(root, `${name}-`));
}

function makeRoot() {
  const made = mkdtempSync(join(tmpdir(), 'session-bench-'));
  process.once('exit', () => rmSync(made, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
  return made;
}
