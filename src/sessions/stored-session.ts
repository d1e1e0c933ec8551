import { DEFAULT_NAMESPACE, freezeRecord, SESSION_SCHEMA, type Session, type SessionRecord } from './session.ts';

/** What sessions did not have in schema 1. The name of the user was also the id. */
type AddedFields = 'namespace' | 'userId' | 'data' | 'bound';

/** The layout of schema 2. No session was bound. */
interface SessionRecord2 extends Pick<SessionRecord, 'version' | 'secretHash' | 'replaced'> {
  readonly schema: 2;
  readonly session: Omit<Session, 'bound'>;
}

/** The layout of schema 1. The hash of the secret was also the version. */
interface SessionRecord1 extends Pick<SessionRecord, 'secretHash' | 'replaced'> {
  readonly schema: 1;
  readonly session: Omit<Session, AddedFields>;
}

/** A record of any schema, as it comes from a backend. Before there were schemas, the session's fields stood beside the hashes. */
export type StoredRecord =
  | SessionRecord
  | SessionRecord2
  | SessionRecord1
  | (Omit<Session, AddedFields> & Pick<SessionRecord, 'secretHash'> & Partial<Pick<SessionRecord, 'replaced'>>);

/**
 * Reads a record that a store has kept, also one of an earlier version of this software.
 * @throws Error if a newer version wrote it.
 */
export function readSessionRecord(stored: StoredRecord): SessionRecord {
  if ('session' in stored && stored.schema === SESSION_SCHEMA) {
    return freezeRecord(stored);
  }
  if ('session' in stored && stored.schema === 2) {
    return freezeRecord({ ...stored, schema: SESSION_SCHEMA, session: storedSession(stored) });
  }
  if ('session' in stored && stored.schema !== 1) {
    const { schema } = stored as { schema: number };
    throw new Error(
      `the session was written by a newer version (schema ${schema}); this version reads ${SESSION_SCHEMA}`,
    );
  }
  const { secretHash, replaced = [] } = stored;
  const session = storedSession(stored);
  return freezeRecord({ schema: SESSION_SCHEMA, version: secretHash, session, secretHash, replaced });
}

/**
 * Reads a record for a list. One that a newer version wrote keeps its schema: operators can see and end the session. No caller
 * may replace a record of a list.
 */
export function readListedRecord(stored: StoredRecord): SessionRecord {
  return 'session' in stored && stored.schema > SESSION_SCHEMA
    ? freezeRecord({ ...(stored as SessionRecord), session: storedSession(stored) })
    : readSessionRecord(stored);
}

/**
 * The session of a stored record, also of one with a newer schema: sessions that only a newer version understands can be
 * listed in an index and ended. Use {@link readSessionRecord} for anything else.
 */
export function storedSession(stored: StoredRecord): Session {
  if ('session' in stored) {
    return withAddedFields(stored.session);
  }
  const { secretHash: _, replaced: __, ...session } = stored;
  return withAddedFields(session);
}

function withAddedFields(session: Omit<Session, AddedFields> | Omit<Session, 'bound'> | Session): Session {
  return 'bound' in session
    ? session
    : { namespace: DEFAULT_NAMESPACE, userId: session.username, data: {}, ...session, bound: false };
}
