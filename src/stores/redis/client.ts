import { createClient } from '@redis/client';
import type { RedisServer } from '../store-url.ts';
import { scripts } from './scripts.ts';

/** A client of node-redis with our scripts. */
export type RedisClient = ReturnType<typeof newClient>;

/** A client that neither waits nor tries again, and with `tracking` hears of keys that change. */
export function newClient(server: RedisServer, tracking: boolean) {
  return createClient({
    ...server,
    socket: { ...server.socket, reconnectStrategy: false },
    scripts,
    // A server or a proxy that knows no tracking may not know version 3 of the protocol either.
    RESP: tracking ? 3 : 2,
    emitInvalidate: tracking,
    maintNotifications: 'disabled',
    disableOfflineQueue: true,
    // Deadlines are set where they are known: an abort signal for each command costs more than the command.
    commandOptions: { timeout: 0 },
  });
}
