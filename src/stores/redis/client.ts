import { randomUUID } from 'node:crypto';
import { createClient, ErrorReply } from '@redis/client';
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

class NoTrackingError extends Error {}

/**
 * Changes a key and checks that the invalidation arrives: a proxy may accept `CLIENT TRACKING` and drop the messages.
 * The server sends an invalidation before its next reply. The commands are sent together: a busy process needs one turn
 * of its event loop for their replies, not three.
 */
export async function assertTracking(client: RedisClient, keyPrefix: string): Promise<void> {
  const key = `${keyPrefix}probe:${randomUUID()}`;
  let arrived = false;
  client.on('invalidate', (changed: unknown) => {
    arrived ||= String(changed) === key;
  });
  await Promise.all([client.get(key), client.set(key, '', { expiration: { type: 'PX', value: 1000 } }), client.ping()]);
  if (!arrived) {
    throw new NoTrackingError('no invalidation message arrived for a key that changed');
  }
}

/** Whether connecting failed because the server lacks tracking or RESP 3, or is too full for the check. */
export function isWithoutTracking(error: unknown): boolean {
  return (
    error instanceof NoTrackingError ||
    (error instanceof ErrorReply && /^(NOPROTO|NOPERM|OOM|ERR unknown)/i.test(error.message))
  );
}
