import { InvalidArgumentError } from 'commander';
import { type Accounts, quote } from '../users/accounts.ts';
import type { LinkToken } from '../users/password-link.ts';
import { type CliCommand, parseText } from './command.ts';
import { withService } from './service.ts';
import { count, iso, readNewPassword } from './terminal.ts';

export async function passwd(name: string, { expire }: { expire?: true }, command: CliCommand): Promise<void> {
  await withService(command.io, async ({ accounts }) => {
    if (expire) {
      const ended = await accounts.expirePassword(name);
      const text = `The user ${quote(name)} must choose another password at the next sign-in; ended ${count(ended, 'session')}.`;
      command.printResult({ text, data: { username: name, passwordExpired: true, ended } });
      return;
    }
    const ended = await accounts.changePassword(name, await readNewPassword(name, command.io));
    const text = `Changed the password of ${quote(name)}; ended ${count(ended, 'session')}.`;
    command.printResult({ text, data: { username: name, passwordChanged: true, ended } });
  });
}

interface LinkOptions {
  readonly url?: string;
}

/** Parses the URL of the service, without a slash at the end. */
export function parseUrl(value: string, previous?: string): string {
  const url = URL.canParse(parseText(value, previous)) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new InvalidArgumentError('It must be an http or https URL such as https://login.example.com.');
  }
  return url.href.replace(/\/$/, '');
}

export function invite(name: string, options: LinkOptions, command: CliCommand): Promise<void> {
  return printLink(name, options, command, (accounts) => accounts.invite(name));
}

export function reset(name: string, options: LinkOptions, command: CliCommand): Promise<void> {
  return printLink(name, options, command, (accounts) => accounts.createLink(name));
}

async function printLink(
  username: string,
  { url }: LinkOptions,
  command: CliCommand,
  create: (accounts: Accounts) => Promise<LinkToken>,
): Promise<void> {
  await withService(command.io, async ({ accounts, config }) => {
    const { token, expiresAt } = await create(accounts);
    const link = `${url ?? config.PUBLIC_URL}/password/link?token=${token}`;
    const text = `${link}\nThe link sets the password of ${quote(username)} once, until ${iso(expiresAt)}.`;
    command.printResult({ text, data: { username, link, expiresAt: iso(expiresAt) } });
  });
}
