import { DEFAULT_NAMESPACE, type Session, type SessionOwner } from '../sessions/session.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import { findByName, type UserRecord, type UserStore } from './user-store.ts';
import { usernameKey } from './username.ts';

interface Stores {
  readonly users: UserStore;
  readonly sessions: SessionStore;
}

/** The service has one area, and the command line manages its users. */
export function ownerOf({ id }: UserRecord): SessionOwner {
  return { namespace: DEFAULT_NAMESPACE, userId: id };
}

/** Returns the owners of sessions with this name whose user was removed. Scans all sessions. */
export async function removedOwners({ users, sessions }: Stores, name: string): Promise<SessionOwner[]> {
  const key = usernameKey(name);
  const owners = new Map<string, Session>();
  for await (const { session } of sessions.list()) {
    if (session.namespace === DEFAULT_NAMESPACE && usernameKey(session.username) === key) {
      owners.set(session.userId, session);
    }
  }
  const removed: SessionOwner[] = [];
  for (const session of owners.values()) {
    // A session has the current name of its user, so this needs no scan of the users.
    if ((await findByName(users, session.username))?.id !== session.userId) {
      removed.push(session);
    }
  }
  return removed;
}
