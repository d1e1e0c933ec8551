import type { SessionStore } from '../sessions/session-store.ts';
import type { OpenFailureCounter } from '../users/failure-counter.ts';
import type { UserStore } from '../users/user-store.ts';

/** The stores of one engine, on one connection or database. */
export interface Stores {
  readonly sessions: SessionStore;
  readonly users: UserStore;
  /** In Redis all instances share the counts. With the other engines each process has its own. */
  readonly openFailureCounter: OpenFailureCounter;
  /** Writes a consistent copy of sessions and users to a new file, while the store is in use. Only LMDB has it. */
  readonly backup?: (file: string) => Promise<void>;
}

/** Closes the stores and what they share. */
export async function closeStores({ sessions, users }: Pick<Stores, 'sessions' | 'users'>): Promise<void> {
  await sessions.close();
  await users.close();
}
