import { escapeControlChars } from '../escape.ts';
import { isLive } from '../sessions/session.ts';
import { clockOf } from '../sessions/session-store.ts';
import { openMemoryFailureCounter } from '../stores/memory/failure-counter.ts';
import { timeBoundFailureCounter } from '../stores/time-bound.ts';
import type { Milliseconds } from '../types.ts';
import { ownerOf } from '../users/session-owners.ts';
import { readUserFailures } from '../users/throttle.ts';
import type { UserRecord } from '../users/user-store.ts';
import type { CliCommand } from './command.ts';
import { type Service, withService } from './service.ts';
import { iso } from './terminal.ts';

const COLUMNS = ['username', 'disabled', 'createdAt', 'passwordChangedAt', 'lastSignInAt'];

/** What the operator sees of the failed sign-ins of a user. `null`: each process of the service counts for itself. */
interface Failures {
  readonly failures: number | null;
  readonly lockedUntil: string | null;
}

export async function list(_options: object, command: CliCommand): Promise<void> {
  await withService(command.io, async ({ users }) => {
    command.printHeader(COLUMNS);
    for await (const user of users.list()) {
      const { username, disabled } = user;
      command.printRow({ username, disabled, ...timesOf(user) });
    }
  });
}

export async function show(name: string, _options: object, command: CliCommand): Promise<void> {
  await withService(command.io, async (service) => {
    const user = await service.accounts.records.get(name);
    const failures = await failuresOf(user, service);
    const sessions = await countSessions(user, service);
    const state = user.disabled ? 'disabled' : failures.lockedUntil === null ? 'enabled' : 'locked';
    const times = { ...timesOf(user), unlockedAt: isoOrNull(user.unlockedAt) };
    const passwordExpired = user.passwordExpired ?? false;
    const linkExpiresAt = isoOrNull(user.passwordLink?.expiresAt);
    const data = { username: user.username, state, ...times, passwordExpired, linkExpiresAt, sessions, ...failures };
    command.printResult({ text: describe(data), data });
  });
}

/** The password hash is not among the fields that are shown. */
function timesOf({ createdAt, passwordChangedAt, lastSignInAt }: UserRecord) {
  return {
    createdAt: iso(createdAt),
    passwordChangedAt: iso(passwordChangedAt),
    lastSignInAt: isoOrNull(lastSignInAt),
  };
}

function isoOrNull(time: Milliseconds | undefined): string | null {
  return time === undefined ? null : iso(time);
}

/** Only Redis has the counts of the service: the other engines count in the memory of each process. */
async function failuresOf(user: UserRecord, { config, openFailureCounter }: Service): Promise<Failures> {
  if (openFailureCounter === openMemoryFailureCounter) {
    return { failures: null, lockedUntil: null };
  }
  const counter = openFailureCounter('user', config.SIGNIN_FAILURE_WINDOW_SECONDS);
  const bound = timeBoundFailureCounter(counter, config.STORE_TIMEOUT_MS);
  const { failures, endsInMs } = (await readUserFailures(bound, user)) ?? { failures: 0, endsInMs: 0 };
  const isLocked = failures >= config.SIGNIN_FAILURES_PER_USER && endsInMs > 0;
  return { failures, lockedUntil: isLocked ? iso(Date.now() + endsInMs) : null };
}

async function countSessions(user: UserRecord, { sessions }: Service): Promise<number> {
  const now = clockOf(sessions)();
  return (await sessions.listByUser(ownerOf(user))).filter(({ session }) => isLive(session, now)).length;
}

/** What the text says in place of `null`. */
const MISSING: Readonly<Record<string, string>> = {
  lastSignInAt: 'never',
  failures: 'not known: each process of the service counts for itself',
};

/** One line for each field. */
function describe(data: Readonly<Record<string, string | number | boolean | null>>): string {
  return Object.entries(data)
    .map(([name, value]) => `${name}: ${escapeControlChars(String(value ?? MISSING[name] ?? '-'))}`)
    .join('\n');
}
