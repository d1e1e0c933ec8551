import { randomUUID } from 'node:crypto';
import { ErrorReply } from '@redis/client';
import type { RedisClient } from './client.ts';

class NoTracking extends Error {}

/**
 * Makes sure that the other end does tell of a key that changes, by changing one: a proxy may say yes to
 * `CLIENT TRACKING` and drop what the server then tells. What the server tells comes before its next answer.
 */
export async function assertTracking(client: RedisClient, keyPrefix: string): Promise<void> {
  const key = `${keyPrefix}probe:${randomUUID()}`;
  let isTold = false;
  client.on('invalidate', (changed: unknown) => {
    isTold ||= String(changed) === key;
  });
  await client.get(key);
  await client.set(key, '', { expiration: { type: 'PX', value: 1000 } });
  await client.ping();
  if (!isTold) {
    throw new NoTracking('the server says nothing of a key that changed');
  }
}

/** Whether an attempt to connect failed for want of tracking, or of the protocol's version 3, which tells of it. */
export function isWithoutTracking(error: unknown): boolean {
  return (
    error instanceof NoTracking ||
    (error instanceof ErrorReply && /^(NOPROTO|NOPERM|ERR unknown)/i.test(error.message))
  );
}
