import type { Milliseconds } from '../types.ts';
import { hashesMatch } from './token.ts';

/** The client that a user signed in with, for the user to recognize. */
export interface Client {
  /** The IP address, or `unknown`. */
  readonly address: string;
  /** A short name such as "Firefox on Linux". */
  readonly device: string;
}

/** A session as the app sees it. It holds neither the token nor a hash of it. */
export interface Session extends Client {
  /** The public name of the session: safe to list, to log and to use in a URL. It stays the same across refreshes. */
  readonly id: string;
  readonly username: string;
  readonly createdAt: Milliseconds;
  /** When the user last proved their identity with a password. */
  readonly authenticatedAt: Milliseconds;
  /** The idle deadline. A refresh moves it, at most to `endsAt`. The session is refused from this moment on. */
  readonly expiresAt: Milliseconds;
  /** The absolute deadline, fixed at sign-in. */
  readonly endsAt: Milliseconds;
}

/** The hash of a secret that a refresh has replaced. */
export interface ReplacedSecret {
  readonly secretHash: string;
  readonly replacedAt: Milliseconds;
}

/** The layout of {@link SessionRecord}. It changes when older code could misread a record. */
export const SESSION_SCHEMA = 1;

/** A session as a store keeps it. */
export interface SessionRecord {
  readonly schema: typeof SESSION_SCHEMA;
  readonly session: Session;
  /** SHA-256 of the current secret. It is the version of the record: every change of the record changes it. */
  readonly secretHash: string;
  /** Earlier secrets, the first replaced one first. */
  readonly replaced: readonly ReplacedSecret[];
}

/** A record of any schema, as it comes from a backend. Before there were schemas, the session's fields stood beside the hashes. */
export type StoredRecord =
  | SessionRecord
  | (Session & Pick<SessionRecord, 'secretHash'> & Partial<Pick<SessionRecord, 'replaced'>>);

/**
 * Reads a record that a store has kept, also one from before there were schemas.
 * @throws Error if a newer version of this software wrote it.
 */
export function readSessionRecord(stored: StoredRecord): SessionRecord {
  if ('session' in stored) {
    assertSchema(stored.schema);
    return freezeRecord(stored);
  }
  const { secretHash, replaced = [], ...session } = stored;
  return freezeRecord({ schema: SESSION_SCHEMA, session, secretHash, replaced });
}

/** Freezes a record that a store returns more than once: `request.session` is the session of the record itself. */
export function freezeRecord(record: SessionRecord): SessionRecord {
  Object.freeze(record.session);
  return Object.freeze(record);
}

function assertSchema(schema: number): void {
  if (schema !== SESSION_SCHEMA) {
    throw new Error(
      `the session was written by a newer version (schema ${schema}); this version reads ${SESSION_SCHEMA}`,
    );
  }
}

/**
 * The session of a stored record, also of one with a newer schema: sessions that only a newer version understands can be
 * listed in an index and ended. Use {@link readSessionRecord} for anything else.
 */
export function storedSession(stored: StoredRecord): Session {
  return 'session' in stored ? stored.session : stored;
}

/** Whether the session is within both of its deadlines. */
export function isLive(session: Session, now: Milliseconds): boolean {
  return now < session.expiresAt && now < session.endsAt;
}

/**
 * How many replaced secrets a record keeps. With only one, a thief who refreshes twice would push out the secret of the
 * owner, and the owner's next request would not reveal the theft. The latest secret takes the last place.
 */
const MAX_REPLACED = 4;

/**
 * The replaced secrets of a record whose current secret is replaced now. Those replaced `memoryMs` ago or earlier are
 * dropped: the cookies that held them have expired.
 */
export function withReplaced(
  { secretHash, replaced }: SessionRecord,
  now: Milliseconds,
  memoryMs: Milliseconds,
): readonly ReplacedSecret[] {
  const recent = replaced.filter(({ replacedAt }) => now - replacedAt < memoryMs);
  return [...recent.slice(0, MAX_REPLACED - 1), { secretHash, replacedAt: now }];
}

/** When the secret with this hash was replaced, or `undefined` if it is not among the replaced ones. */
export function replacedAt({ replaced }: SessionRecord, hash: string): Milliseconds | undefined {
  return replaced.find(({ secretHash }) => hashesMatch(secretHash, hash))?.replacedAt;
}
