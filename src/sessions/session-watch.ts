import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, type Milliseconds, whenReady } from '../types.ts';
import { isLive, type Session, type SessionOwner } from './session.ts';
import type { SessionStore } from './session-store.ts';

/** Logs a listener that fails. Fastify's logger fits. */
export interface WatchLog {
  error(details: object, message: string): void;
}

interface Watched {
  /** As it was found last. */
  session: Session;
  readonly listeners: Set<() => unknown>;
}

/** How often the watched sessions are looked up. */
const INTERVAL_MS = 1000;
/** How many are looked up before other work gets its turn. */
const BATCH = 100;

/**
 * Calls listeners when sessions end. It is for connections that stay open after their request, such as WebSockets. If this
 * process ends the session, it calls the listeners at once. Another instance, the command line or a deadline can end a session
 * as well. For these cases it looks up each watched session once a second. With Redis the cache answers most of the look-ups.
 */
export class SessionWatch {
  readonly #store: Pick<SessionStore, 'find'>;
  readonly #clock: Clock;
  readonly #log: WatchLog;
  /** By the id of the session. */
  readonly #watched = new Map<string, Watched>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(store: Pick<SessionStore, 'find'>, clock: Clock, log: WatchLog) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  /** Calls the listener once, after the session has ended. Returns a function that removes the listener. */
  watch(session: Session, listener: () => unknown): () => void {
    const { id } = session;
    const watched = this.#watched.get(id) ?? { session, listeners: new Set() };
    this.#watched.set(id, watched);
    // A function of its own: one listener may be passed twice.
    const call = () => listener();
    watched.listeners.add(call);
    this.#schedule();
    return () => {
      watched.listeners.delete(call);
      if (watched.listeners.size === 0 && this.#watched.get(id) === watched) {
        this.#watched.delete(id);
      }
    };
  }

  /** To be called when sessions of the user may have ended. Never rejects. */
  async checkSessionsOf({ namespace, userId }: SessionOwner): Promise<void> {
    const isOfOwner = ({ session }: Watched) => session.userId === userId && session.namespace === namespace;
    await Promise.all([...this.#watched.values()].filter(isOfOwner).map((watched) => this.#check(watched)));
  }

  /** The same for one session. */
  async checkSession(id: string): Promise<void> {
    const watched = this.#watched.get(id);
    if (watched !== undefined) {
      await this.#check(watched);
    }
  }

  /** Checks all watched sessions. Stops at the first batch without any answer of the store. Never rejects. */
  async checkAll(): Promise<void> {
    const all = [...this.#watched.values()];
    // First those that need no look-up: they end in time although the store does not answer.
    for (const watched of all.filter((one) => this.#now() >= one.session.endsAt)) {
      this.#end(watched);
    }
    for (let start = 0, answered = true; start < all.length && answered; start += BATCH) {
      const outcomes = await Promise.all(all.slice(start, start + BATCH).map((watched) => this.#check(watched)));
      answered = outcomes.some(Boolean);
      await nextTurn();
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#closed = true;
    this.#watched.clear();
  }

  #schedule(): void {
    if (this.#timer === undefined && this.#watched.size > 0 && !this.#closed) {
      this.#timer = setTimeout(() => this.#pass(), INTERVAL_MS).unref();
    }
  }

  async #pass(): Promise<void> {
    await this.checkAll();
    this.#timer = undefined;
    this.#schedule();
  }

  /** Returns whether the store answered. */
  async #check(watched: Watched): Promise<boolean> {
    try {
      const record = await this.#store.find(watched.session.id);
      watched.session = record?.session ?? watched.session;
      if (record === undefined || !isLive(record.session, this.#clock())) {
        this.#end(watched);
      }
      return true;
    } catch {
      // The session may have been renewed. At its absolute deadline `checkAll` ends it.
      return false;
    }
  }

  #end(watched: Watched): void {
    const { id } = watched.session;
    if (this.#watched.get(id) === watched) {
      this.#watched.delete(id);
      for (const listener of watched.listeners) {
        this.#call(listener);
      }
    }
  }

  /** A clock that fails ends no session. */
  #now(): Milliseconds {
    try {
      return this.#clock();
    } catch {
      return Number.NaN;
    }
  }

  async #call(listener: () => unknown): Promise<void> {
    try {
      await listener();
    } catch (err) {
      this.#log.error({ err }, 'a listener of onSessionEnd failed');
    }
  }
}

/** Returns the same store. A removal also calls the listeners of the sessions that it ends, without waiting for the next look-up. */
export function reportEndings(store: SessionStore, watch: SessionWatch): SessionStore {
  return {
    ...store,
    remove: (id) =>
      whenReady(store.remove(id), (removed) => {
        watch.checkSession(id);
        return removed;
      }),
    removeByUser: (owner, keep) =>
      whenReady(store.removeByUser(owner, keep), (count) => {
        watch.checkSessionsOf(owner);
        return count;
      }),
  };
}
