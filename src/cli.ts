#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { addSessionCommands } from './cli/sessions.ts';
import { addUserCommands } from './cli/users.ts';
import { WrongUse } from './cli/wrong-use.ts';
import { ConfigError } from './config.ts';

const EXIT_FAILED = 1;
const EXIT_WRONG_USE = 2;

const program = new Command('session-cookie-login')
  .description('Users and sessions of the login service, from the shell. STORE_URL says where they are.')
  .option('--json', 'write JSON, an object a line, for scripts')
  .helpCommand(false)
  .showHelpAfterError('(--help says more)')
  .exitOverride()
  .addHelpText(
    'after',
    '\nIt exits with 0, with 1 when something failed, and with 2 when it was used wrongly.',
  );

// Who reads the output may have seen enough, as `head` does.
process.stdout.on('error', () => process.exit());

addUserCommands(program);
addSessionCommands(program);

try {
  await program.parseAsync(withIdsLast(process.argv.slice(2)), { from: 'user' });
} catch (error) {
  process.exitCode = complain(error);
}

/** One session's id in 64 begins with a dash, and is no option for all that. */
function withIdsLast(args: readonly string[]): string[] {
  const isId = (arg: string) => /^-[\w-]{21}$/.test(arg);
  return args.includes('--') ? [...args] : [...args.filter((arg) => !isId(arg)), '--', ...args.filter(isId)];
}

/** Says what went wrong, and answers with the exit code for it. */
function complain(error: unknown): number {
  if (error instanceof CommanderError) {
    // It has said so itself; after --help there is nothing to say.
    return error.exitCode === 0 ? 0 : EXIT_WRONG_USE;
  }
  console.error((error as Error).message);
  return error instanceof WrongUse || error instanceof ConfigError ? EXIT_WRONG_USE : EXIT_FAILED;
}
