import { SESSION_SCHEMA, type Session, type SessionOwner, type SessionRecord } from '../sessions/session.ts';

const HOUR_MS = 3_600_000;
/** The sessions stay live for longer than a suite takes. A store may drop a session that has expired. */
const CREATED_AT = Date.now();

type Changes = Partial<Session & Pick<SessionRecord, 'secretHash' | 'version'>>;

/** A record. Its user is `userId`, by default the username. */
export function record({
  secretHash = 'hash',
  version = versionOf(secretHash),
  ...changes
}: Changes = {}): SessionRecord {
  const username = changes.username ?? 'user1';
  const session = {
    id: 'id',
    ...owner(username),
    username,
    createdAt: CREATED_AT,
    authenticatedAt: CREATED_AT,
    expiresAt: CREATED_AT + HOUR_MS,
    endsAt: CREATED_AT + 12 * HOUR_MS,
    address: '192.0.2.1',
    device: 'Firefox on Linux',
    bound: false,
    data: {},
    ...changes,
  };
  return { schema: SESSION_SCHEMA, version, session, secretHash, replaced: [] };
}

/** The version of a record with this hash. It is another string than the hash, which is not the version. */
export function versionOf(secretHash: string): string {
  return `version of ${secretHash}`;
}

/** The owner of the sessions of a user, as `record` makes them. */
export function owner(userId: string): SessionOwner {
  return { namespace: 'session_token', userId };
}

export function ids(records: readonly SessionRecord[]): string[] {
  return records.map(({ session }) => session.id).sort();
}
