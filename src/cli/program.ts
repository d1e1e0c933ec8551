import { CommanderError } from 'commander';
import { ConfigError } from '../config-files.ts';
import { escapeControlChars } from '../escape.ts';
import { addBackupCommands } from './backup.ts';
import { CliCommand, type Io } from './command.ts';
import { addDoctorCommand } from './doctor.ts';
import { version } from './manifest.ts';
import { addSessionCommands } from './sessions.ts';
import { messageOf, UsageError } from './terminal.ts';
import { addUserCommands } from './users.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const HELP = `
Write -- before a name that begins with a dash: users disable -- -ann

Exit codes: 0 success, 1 failure, 2 wrong usage.`;
const ID_WITH_DASH = /^-[\w-]{21}$/;
const USAGE_ERRORS = [CommanderError, UsageError, ConfigError];

/** Runs one command and sets the exit code. */
export async function runCommandLine(args: readonly string[], io: Io): Promise<void> {
  try {
    await createProgram(io).parseAsync(prepareArguments(args), { from: 'user' });
  } catch (error) {
    io.exitCode = reportError(error, io);
  }
}

function createProgram(io: Io): CliCommand {
  const program = new CliCommand('session-cookie-login', io);
  program
    .description('Manage the users and sessions of the login service in the store that STORE_URL names.')
    .version(version, '--version', 'print the version')
    .option('--json', 'print JSON, one object per line')
    .helpCommand(false)
    .exitOverride()
    // `reportError` prints the errors, in one line each. Commander prints the help if a subcommand is missing.
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr() {} })
    .addHelpText('after', HELP);
  addUserCommands(program);
  addSessionCommands(program);
  addBackupCommands(program);
  addDoctorCommand(program);
  return program;
}

/**
 * Moves session ids that begin with a dash behind `--`, so that they are not parsed as options. One id in 64 does.
 * @throws UsageError if `--user` has no value. Commander would take the next option, or `--`, as the value.
 */
function prepareArguments(args: readonly string[]): readonly string[] {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const options = args.slice(0, end);
  if (options.some((arg, index) => arg === '--user' && (options[index + 1] ?? '-').startsWith('-'))) {
    throw new UsageError('error: option --user needs a name; for a name that begins with - use --user=NAME');
  }
  const ids = options.filter((arg) => ID_WITH_DASH.test(arg));
  if (ids.length === 0) {
    return args;
  }
  return [...options.filter((arg) => !ids.includes(arg)), '--', ...ids, ...args.slice(end + 1)];
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
  const text = code === 'commander.help' ? 'error: missing command' : escapeControlChars(message.replaceAll('\n', ' '));
  return `${text} (use --help for more information)`;
}
