#!/usr/bin/env node
import { runCommandLine } from './cli/program.ts';

// The reader of the output can exit early, as `head` does. This is not an error. A full disk is one.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1));

await runCommandLine(process.argv.slice(2), process);
