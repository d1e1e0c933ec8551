import type { Clock } from '../types.ts';
import { AuthFailure } from './auth-failure.ts';
import { isLive, type Session, type SessionOwner } from './session.ts';
import type { SessionStore } from './session-store.ts';
import { isSessionId } from './token.ts';

/** The rules for all sessions of a user. A method rejects only if the store failed. */
export class UserSessions {
  readonly #store: SessionStore;
  readonly #clock: Clock;
  readonly #maxPerUser: number;

  constructor(store: SessionStore, clock: Clock, maxPerUser: number) {
    this.#store = store;
    this.#clock = clock;
    this.#maxPerUser = maxPerUser;
  }

  /** Lists the live sessions, newest first. */
  async list(owner: SessionOwner): Promise<Session[]> {
    const records = await this.#store.listByUser(owner);
    const now = this.#clock();
    return records
      .map(({ session }) => session)
      .filter((session) => isLive(session, now))
      .sort(newestFirst);
  }

  /** Ends a session of the user. */
  async revoke(owner: SessionOwner, id: string): Promise<Session | AuthFailure> {
    const session = isSessionId(id) ? (await this.#store.find(id))?.session : undefined;
    if (session === undefined || session.namespace !== owner.namespace || !isLive(session, this.#clock())) {
      return new AuthFailure('unknown session');
    }
    if (session.userId !== owner.userId) {
      return new AuthFailure("another user's session", session);
    }
    return (await this.#store.remove(id)) ? session : new AuthFailure('unknown session');
  }

  /** Ends all other sessions of the user. Returns how many it ended. */
  async revokeOthers(session: Session): Promise<number> {
    return this.#store.removeByUser(session, session.id);
  }

  /** Ends all sessions of the user. Returns how many it ended. */
  async revokeAll(owner: SessionOwner): Promise<number> {
    return this.#store.removeByUser(owner);
  }

  /**
   * Ends the oldest sessions of a user who has more than `maxPerUser`, and returns them. Each sign-in calls it after it
   * has created its session. All calls sort alike, so concurrent sign-ins end the same sessions, and exactly the newest
   * `maxPerUser` remain.
   */
  async enforceSessionLimit(owner: SessionOwner): Promise<Session[]> {
    const surplus = (await this.list(owner)).slice(this.#maxPerUser);
    const removed = await Promise.all(surplus.map(({ id }) => this.#store.remove(id)));
    return surplus.filter((_, index) => removed[index]);
  }
}

/** Sessions of the same millisecond are sorted by id, so that all instances agree on the order. */
function newestFirst(a: Session, b: Session): number {
  return b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1);
}
