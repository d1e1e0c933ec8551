import type { Command } from 'commander';
import { isLive, type SessionRecord } from '../sessions/record.ts';
import type { SessionStore } from '../stores/session-store.ts';
import { AccountError, quote } from '../users/accounts.ts';
import { count, iso, say, sayHeader, sayRow } from './output.ts';
import { withService } from './service.ts';
import { WrongUse } from './wrong-use.ts';

const COLUMNS = ['id', 'username', 'createdAt', 'expiresAt', 'endsAt', 'address', 'device'];

interface RevokeOptions {
  readonly user?: string;
  readonly all?: boolean;
}

export function addSessionCommands(program: Command): void {
  const sessions = program.command('sessions').description('see and end sessions').helpCommand(false);

  sessions
    .command('list')
    .description('list the live sessions')
    .option('--user <name>', 'only those of this user')
    .action((options: { user?: string }, command: Command) => list(options, command));

  sessions
    .command('revoke')
    .description('end a session, those of a user, or all; on a running server, too')
    .argument('[id]', 'the id of a session')
    .option('--user <name>', 'every session of this user')
    .option('--all', 'every session there is')
    .action((id: string | undefined, options: RevokeOptions, command: Command) =>
      revoke(id, options, command),
    );
}

async function list({ user }: { user?: string }, command: Command): Promise<void> {
  await withService(async ({ sessions }) => {
    sayHeader(command, COLUMNS);
    const records = user === undefined ? sessions.list() : await sessions.listByUser(user);
    for await (const record of records) {
      if (isLive(record, Date.now())) {
        sayRow(command, row(record));
      }
    }
  });
}

function row({ id, username, createdAt, expiresAt, endsAt, address, device }: SessionRecord) {
  return {
    id,
    username,
    createdAt: iso(createdAt),
    expiresAt: iso(expiresAt),
    endsAt: iso(endsAt),
    address,
    device,
  };
}

async function revoke(id: string | undefined, { user, all }: RevokeOptions, command: Command): Promise<void> {
  if ([id, user, all].filter((choice) => choice !== undefined).length !== 1) {
    throw new WrongUse('Say which sessions: an id, or --user NAME, or --all.');
  }
  await withService(async ({ sessions }) => {
    const ended =
      id !== undefined
        ? await endOne(sessions, id)
        : user !== undefined
          ? await sessions.removeByUser(user)
          : await endAll(sessions);
    say(command, { text: `Ended ${count(ended, 'session')}.`, data: { ended } });
  });
}

async function endOne(sessions: SessionStore, id: string): Promise<number> {
  if (!(await sessions.remove(id))) {
    throw new AccountError(`There is no session ${quote(id)}.`);
  }
  return 1;
}

/** Those that are there when it begins. One that starts meanwhile may stay. */
async function endAll(sessions: SessionStore): Promise<number> {
  let ended = 0;
  for await (const { id } of sessions.list()) {
    ended += Number(await sessions.remove(id));
  }
  return ended;
}
