import type { SessionStore } from '../stores/session-store.ts';
import { type Clock, isLive, type Session, type SessionRecord, toSession } from './record.ts';
import { Refusal } from './refusal.ts';
import { isSessionId } from './token.ts';

/** The rules of all sessions of one user. It rejects only when the store failed. */
export class UserSessions {
  readonly #store: SessionStore;
  readonly #clock: Clock;
  readonly #maxPerUser: number;

  constructor(store: SessionStore, clock: Clock, maxPerUser: number) {
    this.#store = store;
    this.#clock = clock;
    this.#maxPerUser = maxPerUser;
  }

  /** The live ones, newest first. */
  async list(username: string): Promise<Session[]> {
    return (await this.#live(username)).map(toSession);
  }

  /** Ends one of a user's, and answers with it. */
  async endOne(username: string, id: string): Promise<Session | Refusal> {
    const record = isSessionId(id) ? await this.#store.find(id) : undefined;
    if (record === undefined || !isLive(record, this.#clock())) {
      return new Refusal('unknown session');
    }
    if (record.username !== username) {
      return new Refusal("another user's session", record);
    }
    return (await this.#store.remove(id)) ? toSession(record) : new Refusal('unknown session');
  }

  /** Ends all of a user's but the one with the id `keep`, and says how many it ended. */
  async endOthers(username: string, keep: string): Promise<number> {
    return this.#store.removeByUser(username, keep);
  }

  /**
   * Ends the oldest of a user's for as many as they have too many, and answers with those. Each sign-in does so once its
   * own session stands. All go by one order, so of any number at once the newest remain, no more and no fewer: whichever
   * looks last sees all, and what it leaves no other would have ended.
   */
  async endSurplus(username: string): Promise<Session[]> {
    const surplus = (await this.#live(username)).slice(this.#maxPerUser);
    const ended = await Promise.all(
      surplus.map(async (record) => ((await this.#store.remove(record.id)) ? [toSession(record)] : [])),
    );
    return ended.flat();
  }

  async #live(username: string): Promise<SessionRecord[]> {
    const records = await this.#store.listByUser(username);
    const now = this.#clock();
    return records.filter((record) => isLive(record, now)).sort(newestFirst);
  }
}

/** By their ids if they began in the same millisecond, so that it is one order for everybody. */
function newestFirst(a: SessionRecord, b: SessionRecord): number {
  return b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1);
}
