import { StoreUnavailable } from '../errors.ts';
import type { Clock, Milliseconds } from '../types.ts';
import { AuthFailure } from './auth-failure.ts';
import { isLive, type SessionRecord } from './session.ts';
import type { SessionStore } from './session-store.ts';

/** How often a change is tried while concurrent calls change the record first. */
export const MAX_TRIES = 100;

/**
 * Changes the record of a live session. `attempt` returns `undefined` if a concurrent call changed the record first; it is
 * then called with the latest record.
 * @throws StoreUnavailable if that happens {@link MAX_TRIES} times.
 */
export async function changeSession<T>(
  store: Pick<SessionStore, 'find'>,
  clock: Clock,
  id: string,
  attempt: (record: SessionRecord, now: Milliseconds) => Promise<T | undefined>,
): Promise<T | AuthFailure> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const record = await store.find(id, true);
    const now = clock();
    if (record === undefined || !isLive(record.session, now)) {
      return new AuthFailure(record === undefined ? 'unknown session' : 'expired', { id });
    }
    const changed = await attempt(record, now);
    if (changed !== undefined) {
      return changed;
    }
  }
  throw changedTooOften();
}

export function changedTooOften(): Error {
  return new StoreUnavailable({ cause: new Error(`the session changed ${MAX_TRIES} times in a row`) });
}
