import { RedisClient as NodeRedisClient } from '@redis/client';
import type { Milliseconds } from '../../types.ts';
import type { RedisServer } from '../store-url.ts';
import { scripts } from './scripts.ts';

/** A client of node-redis with our scripts. */
export type RedisClient = ReturnType<typeof newClient>;

type Protocol = 2 | 3;
const factories = new Map<Protocol, ReturnType<typeof createFactory>>();

/** A client that does not queue or reconnect. With `tracking`, it emits `invalidate` when a key changes that it read. */
export function newClient(server: RedisServer, tracking: boolean, connectTimeout: Milliseconds) {
  // A server or a proxy without tracking may not support RESP 3 either.
  const RESP: Protocol = tracking ? 3 : 2;
  const options = {
    ...server,
    socket: { ...server.socket, connectTimeout, reconnectStrategy: false as const },
    RESP,
    emitInvalidate: tracking,
    maintNotifications: 'disabled' as const,
    disableOfflineQueue: true,
    // The callers set timeouts. The client's own timeout ends when a command is written, and costs more than the command.
    commandOptions: { timeout: 0 },
  };
  return factoryFor(RESP)(options);
}

/**
 * Why not `createClient`: it makes a class with all commands for each server. That blocks the event loop for 40 to 100 ms, and
 * connections to the members of a group are made again and again during an outage.
 */
function factoryFor(RESP: Protocol) {
  const factory = factories.get(RESP) ?? createFactory(RESP);
  factories.set(RESP, factory);
  return factory;
}

function createFactory(RESP: Protocol) {
  return NodeRedisClient.factory({ scripts, RESP });
}
