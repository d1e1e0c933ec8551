import { InvalidArgumentError } from 'commander';
import { quote } from '../users/account-error.ts';
import type { Accounts } from '../users/accounts.ts';
import { type CliCommand, type Io, parseText, type Result } from './command.ts';
import { exportUsers } from './export-users.ts';
import { importUsers } from './import-users.ts';
import { withService } from './service.ts';
import { count, readNewPassword } from './terminal.ts';
import { invite, parseUrl, passwd, reset } from './users-passwords.ts';
import { list, show } from './users-show.ts';

const URL_HELP = 'the URL of the service in place of PUBLIC_URL';
const PASSWORD_HELP =
  '\nThe command prompts for the password, or reads it from standard input if that is not a terminal. It is not an' +
  '\nargument, because other users of the machine could read it there.';

export function addUserCommands(program: CliCommand): void {
  const users = program.command('users').description('add, change and remove users').helpCommand(false);
  addPasswordCommands(users);
  for (const [name, description, run] of CHANGES) {
    users.command(name).description(description).argument('<name>', '', parseText).action(action(run));
  }
  users
    .command('rename')
    .description('change the name of a user, who keeps the password and the sessions')
    .argument('<name>', '', parseText)
    .argument('<new-name>', '', parseNewName)
    .action(rename);
  users.command('list').description('list all users').action(list);
  users
    .command('show')
    .description('show the state of a user, the last sign-in, the failed sign-ins and the number of sessions')
    .argument('<name>', '', parseText)
    .action(show);
  users
    .command('import')
    .description('add users from a file that export wrote, or from lines of NAME:HASH, as htpasswd -B writes them')
    .argument('<file>', 'a file, or - for standard input', parseText)
    .action(importUsers);
  users
    .command('export')
    .description('write all users with their password hashes to a new file, for users import in another store')
    .argument('<file>', 'a new file, or - for standard output', parseText)
    .action(exportUsers);
}

function addPasswordCommands(users: CliCommand): void {
  users
    .command('add')
    .description('add a user')
    .argument('<name>', '', parseNewName)
    .addHelpText('after', PASSWORD_HELP)
    .action(action(add));
  users
    .command('passwd')
    .description('change the password of a user and revoke their sessions')
    .argument('<name>', '', parseText)
    .option('--expire', 'set no password: the user must choose another one at the next sign-in')
    .addHelpText('after', PASSWORD_HELP)
    .action(passwd);
  users
    .command('invite')
    .description('add a user and print a link with which they set their password, once and within an hour')
    .argument('<name>', '', parseNewName)
    .option('--url <url>', URL_HELP, parseUrl)
    .action(invite);
  users
    .command('reset')
    .description('print a link with which a user sets another password, once and within an hour')
    .argument('<name>', '', parseText)
    .option('--revoke', 'the current password stops working at once, and the sessions end: others may know it')
    .option('--url <url>', URL_HELP, parseUrl)
    .action(reset);
}

/** The commands that need only the name of a user. */
const CHANGES = [
  ['unlock', 'let a user sign in again after too many failures', unlock],
  ['disable', 'prevent a user from signing in and revoke their sessions', disable],
  ['enable', 'let a disabled user sign in again', enable],
  ['remove', 'remove a user and revoke their sessions', remove],
] as const;

/** Node replaces the bytes of an argument that are not UTF-8 by U+FFFD. Different names would become the same one. */
function parseNewName(value: string): string {
  if (value.includes('\ufffd')) {
    throw new InvalidArgumentError('It is not valid UTF-8.');
  }
  return parseText(value);
}

/** Creates the action of a command for one user, which prints the result. */
function action(run: (accounts: Accounts, name: string, io: Io) => Promise<Result>) {
  return (name: string, _options: object, command: CliCommand): Promise<void> =>
    withService(command.io, async ({ accounts }) => command.printResult(await run(accounts, name, command.io)));
}

async function add(accounts: Accounts, name: string, io: Io): Promise<Result> {
  const username = await accounts.add(name, await readNewPassword(name, io));
  return { text: `Added the user ${quote(username)}.`, data: { username, added: true } };
}

async function unlock(accounts: Accounts, username: string): Promise<Result> {
  await accounts.unlock(username);
  return { text: `The user ${quote(username)} is unlocked.`, data: { username, unlocked: true } };
}

async function disable(accounts: Accounts, username: string): Promise<Result> {
  const ended = await accounts.disable(username);
  const text = `The user ${quote(username)} is disabled; ended ${count(ended, 'session')}.`;
  return { text, data: { username, disabled: true, ended } };
}

async function enable(accounts: Accounts, username: string): Promise<Result> {
  await accounts.enable(username);
  return { text: `The user ${quote(username)} is enabled.`, data: { username, enabled: true } };
}

async function remove(accounts: Accounts, username: string): Promise<Result> {
  const ended = await accounts.remove(username);
  const text = `The user ${quote(username)} is removed; ended ${count(ended, 'session')}.`;
  return { text, data: { username, removed: true, ended } };
}

async function rename(name: string, newName: string, _options: object, command: CliCommand): Promise<void> {
  await withService(command.io, async ({ accounts }) => {
    const username = await accounts.rename(name, newName);
    command.printResult({
      text: `The user ${quote(name)} is renamed to ${quote(username)}.`,
      data: { username, renamed: true },
    });
  });
}
