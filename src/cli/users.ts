import type { Command } from 'commander';
import type { UserRecord } from '../stores/user-store.ts';
import { quote } from '../users/accounts.ts';
import { importUsers } from './import-users.ts';
import { count, iso, type Outcome, say, sayHeader, sayRow } from './output.ts';
import { readNewPassword } from './password-input.ts';
import { type Service, withService } from './service.ts';

const COLUMNS = ['username', 'disabled', 'createdAt', 'passwordChangedAt'];
const PASSWORD_HELP =
  '\nThe password is asked for, or read from standard input when that is no terminal. It is never an argument,' +
  '\nwhich other users of the machine could read.';

export function addUserCommands(program: Command): void {
  const users = program.command('users').description('add, change and remove users').helpCommand(false);

  users
    .command('add')
    .description('add a user')
    .argument('<name>')
    .addHelpText('after', PASSWORD_HELP)
    .action(add);
  users
    .command('passwd')
    .description("change a user's password, and end their sessions")
    .argument('<name>')
    .addHelpText('after', PASSWORD_HELP)
    .action(passwd);
  users
    .command('disable')
    .description('keep a user from signing in, and end their sessions')
    .argument('<name>')
    .action(ending('disabled', ({ accounts }, name) => accounts.disable(name)));
  users.command('enable').description('let a disabled user sign in again').argument('<name>').action(enable);
  users
    .command('remove')
    .description('remove a user, and end their sessions')
    .argument('<name>')
    .action(ending('removed', ({ accounts }, name) => accounts.remove(name)));
  users.command('list').description('list all users').action(list);
  users
    .command('import')
    .description(
      'add users with the hashes of their passwords, from lines of NAME:HASH as htpasswd -B writes them',
    )
    .argument('<file>', 'a file, or - for standard input')
    .action(importUsers);
}

async function add(name: string, _options: object, command: Command): Promise<void> {
  await withService(async ({ accounts }) => {
    await accounts.add(name, await readNewPassword(name));
    say(command, { text: `Added the user ${quote(name)}.`, data: { username: name, added: true } });
  });
}

async function passwd(name: string, _options: object, command: Command): Promise<void> {
  await withService(async ({ accounts }) => {
    const ended = await accounts.changePassword(name, await readNewPassword(name));
    say(command, changed(name, 'passwordChanged', ended, `Changed the password of ${quote(name)}`));
  });
}

async function enable(name: string, _options: object, command: Command): Promise<void> {
  await withService(async ({ accounts }) => {
    await accounts.enable(name);
    say(command, { text: `The user ${quote(name)} is enabled.`, data: { username: name, enabled: true } });
  });
}

/** A command that takes away a user's leave to sign in, and answers with how many sessions that ended. */
function ending(what: string, change: (service: Service, name: string) => Promise<number>) {
  return async (name: string, _options: object, command: Command): Promise<void> => {
    await withService(async (service) => {
      const ended = await change(service, name);
      say(command, changed(name, what, ended, `The user ${quote(name)} is ${what}`));
    });
  };
}

function changed(username: string, what: string, ended: number, text: string): Outcome {
  return { text: `${text}; ended ${count(ended, 'session')}.`, data: { username, [what]: true, ended } };
}

async function list(_options: object, command: Command): Promise<void> {
  await withService(async ({ users }) => {
    sayHeader(command, COLUMNS);
    for await (const user of users.list()) {
      sayRow(command, row(user));
    }
  });
}

/** Without the hash of the password: nobody needs to see it. */
function row({ username, disabled, createdAt, passwordChangedAt }: UserRecord) {
  return { username, disabled, createdAt: iso(createdAt), passwordChangedAt: iso(passwordChangedAt) };
}
