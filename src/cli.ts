#!/usr/bin/env node
import { runCommandLine } from './cli/program.ts';

// The reader of the output can exit early, as `head` does. This is not an error.
process.stdout.on('error', () => process.exit());

await runCommandLine(process.argv.slice(2), process);
