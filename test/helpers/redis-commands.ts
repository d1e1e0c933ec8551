import { tracingChannel } from 'node:diagnostics_channel';

/** One command that node-redis traces. */
interface TracedCommand {
  readonly command: string;
  readonly args: readonly string[];
}

export interface RedisUse {
  /** The commands in the order in which they were sent. */
  readonly commands: readonly string[];
  /** How often the request waited for replies. Commands that are sent before a reply arrives share a round trip. */
  readonly roundTrips: number;
}

/** The pings of a connection: see `probe` in src/stores/redis/probes.ts. */
const isPing = ({ command, args }: TracedCommand) => command === 'TIME' || args[1]?.endsWith(':!missing');

/** Runs a request, and returns which commands this process sends to Redis for it. It must be the only request at that time. */
export async function redisUseOf(request: () => Promise<unknown>): Promise<RedisUse> {
  const channel = tracingChannel<unknown, TracedCommand>('node-redis:command');
  /** The round trip of each command. A connection replies in the order of the commands. */
  const trips = new Map<TracedCommand, number>();
  let roundTrips = 0;
  const listeners = {
    start: (sent: TracedCommand) => isPing(sent) || trips.set(sent, roundTrips + 1),
    end() {},
    asyncStart(answered: TracedCommand) {
      roundTrips = Math.max(roundTrips, trips.get(answered) ?? 0);
    },
    asyncEnd() {},
    error() {},
  };
  channel.subscribe(listeners);
  try {
    await request();
  } finally {
    channel.unsubscribe(listeners);
  }
  return { commands: [...trips.keys()].map(({ command }) => command), roundTrips };
}
