import { StoreOpenError } from '../engine.ts';
import type { RedisClient } from './client.ts';
import { isPermanent, refusesChanges } from './error-replies.ts';
import { ALLOW_OOM } from './scripts.ts';
import { checkCluster } from './server-check.ts';
import type { ServerClock } from './server-clock.ts';
import { probeKey } from './tracking.ts';

/** Stands for the name of a key in {@link COMMANDS}. The key is never created. */
const KEY = Symbol('a key that does not exist');

type Command = readonly (string | typeof KEY)[];

/** The server checks the permissions before it finds that it has no script with this digest. */
const SCRIPTS: Command[] = [
  ['EVAL', 'return 1', '1', KEY],
  ['EVALSHA', '0'.repeat(40), '1', KEY],
];

const TEXT: Command[] = [['GET', KEY], ['GETDEL', KEY], ['DEL', KEY], ['SET', KEY, '', 'XX'], ...SCRIPTS];

/** The commands that the stores send, by the kind of key. None of these calls changes anything. */
const COMMANDS: Readonly<Record<string, readonly Command[]>> = {
  session: TEXT,
  user: TEXT,
  // HINCRBY with this argument is refused, but only after the server has checked the permissions.
  counter: [
    ['HGET', KEY, 'window'],
    ['HMGET', KEY, 'failures', 'window'],
    ['HINCRBY', KEY, 'failures', 'x'],
    ['DEL', KEY],
    ['PTTL', KEY],
    ['PEXPIRE', KEY, '1'],
    ...SCRIPTS,
  ],
  'sessions-of': [
    ['ZRANGE', KEY, '0', '-1'],
    ['ZREM', KEY, ''],
    ['ZADD', KEY, 'XX', '0', ''],
    ['ZREMRANGEBYSCORE', KEY, '-inf', '0'],
    ['PTTL', KEY],
    ['PEXPIRE', KEY, '1'],
    ...SCRIPTS,
  ],
  any: [['TIME'], ['SCAN', '0', 'MATCH', 'none', 'COUNT', '1']],
};

/** What waiting for replicas needs as well. `WAIT` for no replica does not wait. */
const waitCommands = (keyPrefix: string): Command[] => [
  ['WAIT', '0', '1'],
  ['GET', probeKey(keyPrefix)],
];

/** A key that never exists, for commands that test the server. */
export const missingKey = (keyPrefix: string, kind = 'session') => `${keyPrefix}${kind}:!missing`;

/** What the service needs of the server. */
export interface Needs {
  readonly keyPrefix: string;
  readonly isCluster: boolean;
  readonly waitReplicas: number;
  readonly clock: ServerClock;
}

/** @throws StoreOpenError if the server will never execute our commands; another error if it is a replica now. */
export async function assertUsable(client: RedisClient, needs: Needs): Promise<void> {
  const checks = [assertPermissions(client, needs), probe(client, needs.keyPrefix, needs.clock)];
  await together(needs.isCluster ? checks : [checkCluster(client), ...checks]);
}

/**
 * Waits for all checks, and throws the error of the first one in the list that failed. Their commands are sent together: a
 * busy process needs one turn of its event loop for the replies, not one for each check.
 */
export async function together(checks: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(checks)).find(({ status }) => status === 'rejected');
  if (failed !== undefined) {
    throw (failed as PromiseRejectedResult).reason;
  }
}

/**
 * Checks that the server executes all commands of the stores on keys with our prefix.
 * @throws StoreOpenError if it never will. Any other error reply that matters comes with every later command as well.
 */
async function assertPermissions(client: RedisClient, { keyPrefix, isCluster, waitReplicas }: Needs): Promise<void> {
  const needed = Object.entries({ ...COMMANDS, wait: waitReplicas > 0 ? waitCommands(keyPrefix) : [] });
  const commands = needed.flatMap(([kind, list]) =>
    list.map((command) => command.map((part) => (part === KEY ? missingKey(keyPrefix, kind) : part))),
  );
  const replies = await Promise.allSettled(commands.map((command) => client.sendCommand(command)));
  const refused = replies.findIndex((reply) => reply.status === 'rejected' && isPermanent(reply.reason, isCluster));
  if (refused !== -1) {
    const { reason } = replies[refused] as PromiseRejectedResult;
    throw new StoreOpenError(
      `The Redis server does not execute ${commands[refused]?.[0]} on keys ${keyPrefix}*: ${reason.message}`,
      { cause: reason },
    );
  }
}

/** Whether scripts may replace values while the memory of the server is full: Redis 7 or newer, or Valkey. */
export async function allowsOom(client: RedisClient): Promise<boolean> {
  // An older server cannot compile the first line. A server that accepts no change executes a script without writes.
  const script = `${ALLOW_OOM.trim()},no-writes\nreturn 'allow-oom'`;
  return client.eval(script, { keys: [], arguments: [] }).then(
    () => true,
    () => false,
  );
}

/**
 * The ping: removes a key that does not exist. It needs no memory and changes nothing, but a replica rejects it. The reply
 * to a second command shows the time of the server.
 * @throws the error reply to the ping, unless it is `tolerated`.
 */
export async function probe(
  client: RedisClient,
  keyPrefix: string,
  clock: ServerClock,
  tolerated: (error: unknown) => boolean = refusesChanges,
): Promise<void> {
  const sentAt = performance.now();
  const [answer, [seconds, microseconds]] = await Promise.all([
    client.del(missingKey(keyPrefix)).catch((error) => error),
    client.time(),
  ]);
  const receivedAt = performance.now();
  if (answer instanceof Error && !tolerated(answer)) {
    throw answer;
  }
  clock.add({ serverTime: Number(seconds) * 1000 + Number(microseconds) / 1000, sentAt, receivedAt });
}
