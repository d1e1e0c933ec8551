import { StoreOpenError } from '../engine.ts';

/** What a cluster hashes of a key in place of the whole key. */
const HASH_TAG = /^[^{]*\{[^}]+\}/;

/**
 * Returns the prefix of keys for a cluster: all keys with it are in one slot, and so on one primary. The scripts, the ping and
 * the reports of changed keys need that.
 */
export function hashTagged(keyPrefix: string): string {
  const prefix = HASH_TAG.test(keyPrefix) ? keyPrefix : `{${keyPrefix}}`;
  if (!HASH_TAG.test(prefix)) {
    throw new StoreOpenError('In a Redis cluster REDIS_KEY_PREFIX must not begin with }.');
  }
  return prefix;
}
