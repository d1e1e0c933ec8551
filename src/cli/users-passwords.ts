import { Value } from '@sinclair/typebox/value';
import { InvalidArgumentError } from 'commander';
import { Environment } from '../config-schema.ts';
import { toIso } from '../types.ts';
import { quote } from '../users/account-error.ts';
import type { Accounts } from '../users/accounts.ts';
import type { LinkToken } from '../users/password-link.ts';
import { type CliCommand, parseText } from './command.ts';
import { withService } from './service.ts';
import { count, readNewPassword } from './terminal.ts';

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
  readonly revoke?: true;
}

/** `URL` removes some of these. */
const INVISIBLE = /[\s\p{C}]/u;

/** Parses the URL of the service, without a slash at the end. It has the form of `PUBLIC_URL`. */
export function parseUrl(value: string, previous?: string): string {
  if (INVISIBLE.test(parseText(value, previous)) || !Value.Check(Environment.properties.PUBLIC_URL, value)) {
    throw new InvalidArgumentError('It must be an http or https URL such as https://login.example.com.');
  }
  return new URL(value).href.replace(/\/$/, '');
}

export function invite(name: string, options: LinkOptions, command: CliCommand): Promise<void> {
  return printLink(name, options, command, (accounts) => accounts.invite(name));
}

export function reset(name: string, options: LinkOptions, command: CliCommand): Promise<void> {
  return printLink(name, options, command, async (accounts) => {
    const ended = options.revoke && (await accounts.revokePassword(name));
    return { ...(await accounts.createLink(name)), ended };
  });
}

async function printLink(
  username: string,
  { url }: LinkOptions,
  command: CliCommand,
  create: (accounts: Accounts) => Promise<LinkToken & { readonly ended?: number | undefined }>,
): Promise<void> {
  await withService(command.io, async ({ accounts, config }) => {
    const { token, expiresAt, ended } = await create(accounts);
    const link = `${url ?? config.PUBLIC_URL}/password/link?token=${token}`;
    const text = `${link}\nThe link sets the password of ${quote(username)} once, until ${toIso(expiresAt)}.`;
    const data = { username, link, expiresAt: toIso(expiresAt) };
    if (ended === undefined) {
      command.printResult({ text, data });
      return;
    }
    const revoked = `The earlier password no longer works; ended ${count(ended, 'session')}.`;
    command.printResult({ text: `${text}\n${revoked}`, data: { ...data, ended } });
  });
}
