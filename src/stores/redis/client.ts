import { createClient } from '@redis/client';
import type { Milliseconds } from '../../types.ts';
import type { RedisServer } from '../store-url.ts';
import { scripts } from './scripts.ts';

/** A client of node-redis with our scripts. */
export type RedisClient = ReturnType<typeof newClient>;

/** A client that does not queue or reconnect. With `tracking`, it emits `invalidate` when a key changes that it read. */
export function newClient(server: RedisServer, tracking: boolean, connectTimeout: Milliseconds) {
  return createClient({
    ...server,
    socket: { ...server.socket, connectTimeout, reconnectStrategy: false },
    scripts,
    // A server or a proxy without tracking may not support RESP 3 either.
    RESP: tracking ? 3 : 2,
    emitInvalidate: tracking,
    maintNotifications: 'disabled',
    disableOfflineQueue: true,
    // The callers set timeouts. The client's own timeout ends when a command is written, and costs more than the command.
    commandOptions: { timeout: 0 },
  });
}
