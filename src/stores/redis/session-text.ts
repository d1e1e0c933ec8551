import type { SessionRecord } from '../../sessions/session.ts';
import { readSessionRecord, type StoredRecord } from '../../sessions/stored-session.ts';
import { decode, encode } from './values.ts';

/** The text of a session, as the server keeps it. */
export function toText({ version, ...rest }: SessionRecord): string {
  return encode(version, rest);
}

/** A stored session, which may have an earlier schema. */
export function parse(text: string): StoredRecord {
  const [version, rest] = decode<object>(text);
  // In schema 1 the hash of the secret was the version. Not a spread: it would give each object a shape of its own, which
  // is slow to read.
  return Object.assign(rest, 'secretHash' in rest ? { version } : { secretHash: version }) as StoredRecord;
}

export function toRecord(text: string): SessionRecord {
  return readSessionRecord(parse(text));
}
