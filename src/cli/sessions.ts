import { isLive, type Session, type SessionRecord } from '../sessions/session.ts';
import { clockOf, type SessionStore } from '../sessions/session-store.ts';
import { type Milliseconds, toIso } from '../types.ts';
import { AccountError, quote } from '../users/account-error.ts';
import { type CliCommand, parseText, type Row } from './command.ts';
import { withService } from './service.ts';
import { count, UsageError } from './terminal.ts';

const COLUMNS = ['id', 'username', 'createdAt', 'expiresAt', 'endsAt', 'address', 'device', 'bound'];

interface RevokeOptions {
  readonly user?: string;
  readonly all?: boolean;
}

export function addSessionCommands(program: CliCommand): void {
  const sessions = program.command('sessions').description('list and revoke sessions').helpCommand(false);

  sessions
    .command('list')
    .description('list the live sessions')
    .option('--user <name>', 'only the sessions of this user', parseText)
    .action(list);

  sessions
    .command('revoke')
    .description('revoke one session, all sessions of a user, or all sessions')
    .argument('[id]', 'the id of a session', parseText)
    .option('--user <name>', 'revoke all sessions of this user', parseText)
    .option('--all', 'revoke all sessions')
    .action(revoke);
}

async function list({ user }: { user?: string }, command: CliCommand): Promise<void> {
  await withService(command.io, async ({ sessions, accounts }) => {
    const records = user === undefined ? sessions.list() : await accounts.listSessions(user);
    await command.printList(COLUMNS, liveRows(records, clockOf(sessions)()));
  });
}

async function* liveRows(
  records: Iterable<SessionRecord> | AsyncIterable<SessionRecord>,
  now: Milliseconds,
): AsyncGenerator<Row> {
  for await (const { session } of records) {
    if (isLive(session, now)) {
      yield rowOf(session);
    }
  }
}

function rowOf({ id, username, createdAt, expiresAt, endsAt, address, device, bound }: Session): Row {
  const times = { createdAt: toIso(createdAt), expiresAt: toIso(expiresAt), endsAt: toIso(endsAt) };
  return { id, username, ...times, address, device, bound };
}

async function revoke(id: string | undefined, { user, all }: RevokeOptions, command: CliCommand): Promise<void> {
  if ([id, user, all].filter((choice) => choice !== undefined).length !== 1) {
    throw new UsageError('Specify one of: a session id, --user NAME, or --all.');
  }
  await withService(command.io, async ({ sessions, accounts }) => {
    const ended =
      id !== undefined
        ? await revokeOne(sessions, id)
        : user !== undefined
          ? await accounts.revokeSessions(user)
          : await revokeAll(sessions);
    command.printResult({ text: `Ended ${count(ended, 'session')}.`, data: { ended } });
  });
}

async function revokeOne(sessions: SessionStore, id: string): Promise<number> {
  if (!(await sessions.remove(id))) {
    throw new AccountError(`The session ${quote(id)} does not exist.`);
  }
  return 1;
}

/** Revokes the sessions that exist at the start. Sessions that start during the scan can remain. */
async function revokeAll(sessions: SessionStore): Promise<number> {
  let revoked = 0;
  for await (const { session } of sessions.list()) {
    revoked += Number(await sessions.remove(session.id));
  }
  return revoked;
}
