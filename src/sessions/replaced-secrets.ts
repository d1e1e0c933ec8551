import type { Milliseconds, ReplacedSecret, SessionRecord } from './record.ts';
import { hashesMatch } from './token.ts';

/**
 * How many are remembered. One would do for a thief who refreshes once; who refreshes twice would make it forget the
 * owner's. So the latest takes the place of the one before it, and the others stay.
 */
const MAX = 4;

/**
 * The replaced secrets of a record whose secret is being replaced now, without those that were replaced `memoryMs` ago
 * or earlier: no browser holds their cookie any more.
 */
export function rememberReplaced(
  { secretHash, replaced = [] }: SessionRecord,
  now: Milliseconds,
  memoryMs: Milliseconds,
): readonly ReplacedSecret[] {
  const recent = replaced.filter(({ replacedAt }) => now - replacedAt < memoryMs);
  return [...recent.slice(0, MAX - 1), { secretHash, replacedAt: now }];
}

/** When the secret with this hash was replaced, or `undefined` if it never was one of this session, or is forgotten. */
export function whenReplaced({ replaced = [] }: SessionRecord, hash: string): Milliseconds | undefined {
  return replaced.find(({ secretHash }) => hashesMatch(secretHash, hash))?.replacedAt;
}
