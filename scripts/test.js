// Runs tap. Without files it runs all tests except those in test/slow and test/packed, and fails unless they cover all of src.
// With files it runs only these, without coverage.
// Tests skip themselves when a program is missing. This script then turns off the coverage requirement, and its last
// lines say what was skipped. Under CI=true a missing program is a failure.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installCommand, missingPrograms } from '../test/helpers/program-table.js';

const TAP = fileURLToPath(new URL('run.mjs', import.meta.resolve('tap')));
const args = process.argv.slice(2);
const hasFiles = args.some((arg) => !arg.startsWith('-'));
const missing = missingPrograms();

if (missing.length > 0 && process.env.CI === 'true') {
  console.error(`CI=true requires every program that the tests use. Missing: ${missing.join(', ')}.`);
  console.error(`On Debian: ${installCommand(missing)}`);
  process.exit(1);
}

const directory = mkdtempSync(join(tmpdir(), 'skipped-'));
// The helper test/helpers/programs.ts appends one line for each skipped test: the name of the missing program.
const skippedFile = join(directory, 'skipped');
writeFileSync(skippedFile, '');
process.exitCode = await runTap([...coverageOptions(), ...args]);
printSkipped(readFileSync(skippedFile, 'utf8').split('\n').filter(Boolean));
rmSync(directory, { recursive: true });

function coverageOptions() {
  if (hasFiles) {
    return ['--disable-coverage'];
  }
  return missing.length > 0 ? ['--allow-incomplete-coverage'] : [];
}

async function runTap(options) {
  const env = { ...process.env, SKIPPED_TESTS_FILE: skippedFile };
  const child = spawn(process.execPath, [TAP, ...options], { stdio: 'inherit', env });
  // A terminal sends SIGINT to tap as well. This process waits for tap in order to remove the directory.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  const [code] = await once(child, 'exit');
  return code ?? 1;
}

function printSkipped(names) {
  const programs = missing.filter((name) => names.includes(name));
  if (programs.length === 0) {
    return;
  }
  console.log('\nSkipped, because a program is missing:');
  for (const program of programs) {
    const count = names.filter((name) => name === program).length;
    console.log(`  ${program}: ${count} ${count === 1 ? 'test' : 'tests'}`);
  }
  const coverage = hasFiles ? '' : 'Full coverage was not required. ';
  console.log(`${coverage}To run everything, on Debian: ${installCommand(programs)}`);
}
