import { escapeControlChars } from '../escape.ts';
import { isLive } from '../sessions/session.ts';
import { clockOf } from '../sessions/session-store.ts';
import { openMemoryFailureCounter } from '../stores/memory/failure-counter.ts';
import { timeBoundFailureCounter } from '../stores/time-bound.ts';
import { type Milliseconds, toIso } from '../types.ts';
import { ownerOf } from '../users/session-owners.ts';
import { readUserFailures } from '../users/throttle.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import type { CliCommand, Row } from './command.ts';
import { type Service, withService } from './service.ts';

const COLUMNS = ['username', 'disabled', 'createdAt', 'passwordChangedAt', 'lastSignInAt'];

/** What the operator sees of the failed sign-ins of a user. */
interface Failures {
  /** `null`: not known. */
  readonly locked: boolean | null;
  readonly failures: number | null;
  readonly lockedUntil: string | null;
}

/** Each process of the service counts for itself. */
const NOT_KNOWN: Failures = { locked: null, failures: null, lockedUntil: null };

export async function list(_options: object, command: CliCommand): Promise<void> {
  await withService(command.io, ({ users }) => command.printList(COLUMNS, rowsOf(users)));
}

async function* rowsOf(users: UserStore): AsyncGenerator<Row> {
  for await (const user of users.list()) {
    const { username, disabled } = user;
    yield { username, disabled, ...timesOf(user) };
  }
}

export async function show(name: string, _options: object, command: CliCommand): Promise<void> {
  await withService(command.io, async (service) => {
    const user = await service.accounts.records.get(name);
    const failures = await failuresOf(user, service);
    const sessions = await countSessions(user, service);
    const state = stateOf(user, failures);
    const times = { ...timesOf(user), unlockedAt: isoOrNull(user.unlockedAt) };
    const passwordExpired = user.passwordExpired ?? false;
    const linkExpiresAt = isoOrNull(user.passwordLink?.expiresAt);
    const data = { username: user.username, state, ...times, passwordExpired, linkExpiresAt, sessions, ...failures };
    command.printResult({ text: describe(data), data });
  });
}

/** An invited user has not set a password yet. */
function stateOf({ disabled, passwordLink }: UserRecord, { locked }: Failures): string {
  if (disabled) {
    return 'disabled';
  }
  if (passwordLink?.isInvitation) {
    return 'invited';
  }
  return locked ? 'locked' : 'enabled';
}

/** The password hash is not among the fields that are shown. */
function timesOf({ createdAt, passwordChangedAt, lastSignInAt }: UserRecord) {
  return {
    createdAt: toIso(createdAt),
    passwordChangedAt: toIso(passwordChangedAt),
    lastSignInAt: isoOrNull(lastSignInAt),
  };
}

function isoOrNull(time: Milliseconds | undefined): string | null {
  return time === undefined ? null : toIso(time);
}

/** Only Redis has the counts of the service: the other engines count in the memory of each process. */
async function failuresOf(user: UserRecord, { config, sessions, openFailureCounter }: Service): Promise<Failures> {
  if (openFailureCounter === openMemoryFailureCounter) {
    return NOT_KNOWN;
  }
  const counter = openFailureCounter('user', config.SIGNIN_FAILURE_WINDOW_SECONDS);
  const bound = timeBoundFailureCounter(counter, config.STORE_TIMEOUT_MS);
  const { failures, endsInMs } = (await readUserFailures(bound, user)) ?? { failures: 0, endsInMs: 0 };
  const locked = failures >= config.SIGNIN_FAILURES_PER_USER && endsInMs > 0;
  return { locked, failures, lockedUntil: locked ? toIso(clockOf(sessions)() + endsInMs) : null };
}

async function countSessions(user: UserRecord, { sessions }: Service): Promise<number> {
  const now = clockOf(sessions)();
  return (await sessions.listByUser(ownerOf(user))).filter(({ session }) => isLive(session, now)).length;
}

type Shown = Readonly<Record<string, string | number | boolean | null>>;

/** One line for each field. */
function describe(data: Shown): string {
  return Object.entries(data)
    .map(([name, value]) => `${name}: ${escapeControlChars(String(value ?? missing(name, data)))}`)
    .join('\n');
}

/** What the text has in place of `null`. */
function missing(name: string, { failures }: Shown): string {
  return failures === null && name in NOT_KNOWN ? 'not known: each process of the service counts for itself' : '-';
}
