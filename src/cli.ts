#!/usr/bin/env node
import { describeMissing } from './packages.ts';

// The reader of the output can exit early, as `head` does. This is not an error. A full disk is one.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1));

const problem = describeMissing('The command line', ['commander', 'read', 'cli-progress']);
if (problem === undefined) {
  const { runCommandLine } = await import('./cli/program.ts');
  await runCommandLine(process.argv.slice(2), process);
} else {
  console.error(problem);
  process.exitCode = 1;
}
