import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// Installs what the benchmark needs beside the service, if it is not there yet, and runs it.
const here = fileURLToPath(new URL('.', import.meta.url));

if (modified('node_modules/.package-lock.json') < modified('package-lock.json')) {
  console.error('installing the contestants …');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' });
  if (status !== 0) {
    process.exit(status ?? 1);
  }
}
await import('./run.js');

/** @param {string} file */
function modified(file) {
  return statSync(`${here}/${file}`, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
