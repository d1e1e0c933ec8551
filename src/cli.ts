#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { addSessionCommands } from './cli/sessions.ts';
import { messageOf, UsageError } from './cli/terminal.ts';
import { addUserCommands } from './cli/users.ts';
import { ConfigError } from './config.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

const program = new Command('session-cookie-login')
  .description('Manage the users and sessions of the login service in the store that STORE_URL names.')
  .option('--json', 'print JSON, one object per line')
  .helpCommand(false)
  .showHelpAfterError('(use --help for more information)')
  .exitOverride()
  .addHelpText('after', '\nExit codes: 0 success, 1 failure, 2 wrong usage.');

// The reader of the output can exit early, as `head` does. This is not an error.
process.stdout.on('error', () => process.exit());

addUserCommands(program);
addSessionCommands(program);

try {
  await program.parseAsync(withIdsLast(process.argv.slice(2)), { from: 'user' });
} catch (error) {
  process.exitCode = reportError(error);
}

/** Moves session ids that begin with a dash behind `--`, so that they are not parsed as options. One id in 64 does. */
function withIdsLast(args: readonly string[]): string[] {
  const isId = (arg: string) => /^-[\w-]{21}$/.test(arg);
  return args.includes('--') ? [...args] : [...args.filter((arg) => !isId(arg)), '--', ...args.filter(isId)];
}

/** Prints an error and returns the exit code. */
function reportError(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has printed the error already, or the help.
    return error.exitCode === 0 ? 0 : EXIT_USAGE;
  }
  console.error(messageOf(error));
  return error instanceof UsageError || error instanceof ConfigError ? EXIT_USAGE : EXIT_FAILED;
}
