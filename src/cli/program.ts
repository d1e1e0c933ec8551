import { CommanderError } from 'commander';
import { ConfigError } from '../config.ts';
import { CliCommand, type Io } from './command.ts';
import { addSessionCommands } from './sessions.ts';
import { messageOf, UsageError } from './terminal.ts';
import { addUserCommands } from './users.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const USAGE_ERRORS = [CommanderError, UsageError, ConfigError];

/** Runs one command and sets the exit code. */
export async function runCommandLine(args: readonly string[], io: Io): Promise<void> {
  try {
    await createProgram(io).parseAsync(withIdsLast(args), { from: 'user' });
  } catch (error) {
    io.exitCode = reportError(error, io);
  }
}

function createProgram(io: Io): CliCommand {
  const program = new CliCommand('session-cookie-login', io);
  program
    .description('Manage the users and sessions of the login service in the store that STORE_URL names.')
    .option('--json', 'print JSON, one object per line')
    .helpCommand(false)
    .exitOverride()
    // `reportError` prints the errors, in one line each. Commander prints the help if a subcommand is missing.
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr() {} })
    .addHelpText('after', '\nExit codes: 0 success, 1 failure, 2 wrong usage.');
  addUserCommands(program);
  addSessionCommands(program);
  return program;
}

/** Moves session ids that begin with a dash behind `--`, so that they are not parsed as options. One id in 64 does. */
function withIdsLast(args: readonly string[]): string[] {
  const isId = (arg: string) => /^-[\w-]{21}$/.test(arg);
  return args.includes('--') ? [...args] : [...args.filter((arg) => !isId(arg)), '--', ...args.filter(isId)];
}

/** Prints an error in one line and returns the exit code. */
function reportError(error: unknown, { stderr }: Io): number {
  if (error instanceof CommanderError && error.exitCode === 0) {
    return 0;
  }
  stderr.write(`${error instanceof CommanderError ? describeUsageError(error) : messageOf(error)}\n`);
  return USAGE_ERRORS.some((type) => error instanceof type) ? EXIT_USAGE : EXIT_FAILED;
}

function describeUsageError({ code, message }: CommanderError): string {
  const text = code === 'commander.help' ? 'error: missing command' : message.replaceAll('\n', ' ');
  return `${text} (use --help for more information)`;
}
