import type { Clock, MaybePromise, Milliseconds } from '../types.ts';
import type { Deadlines } from './lifetimes.ts';
import { changedRecord, freezeRecord, type Session, type SessionRecord } from './session.ts';
import type { SessionStore } from './session-store.ts';

/** Logs that sessions cannot be renewed. Fastify's logger fits. */
export interface SessionLog {
  warn(details: object, message: string): void;
}

/** What a request of a signed-in user does to the idle deadline. */
export interface Renewal {
  /** Returns the session of a live record, frozen, and first moves its deadline if that is due. */
  renew(record: SessionRecord): MaybePromise<Session>;
}

/** Only a refresh moves the deadline. */
export const NO_RENEWAL: Renewal = { renew: (record) => freezeRecord(record).session };

export interface ActivityRenewalOptions {
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly log: SessionLog;
}

/** The part of the idle time that must pass before the deadline moves again. */
const RENEWAL_STEP = 0.1;
/** How long no session is renewed after a failure of the store. */
const RENEWAL_PAUSE_MS = 1000;

/** Each request moves the idle deadline, at most once per tenth of the idle time. */
export class ActivityRenewal implements Renewal {
  readonly #store: SessionStore;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #log: SessionLog;
  /** The writes in progress, by the version of the record that they replace. */
  readonly #pending = new Map<string, Promise<Session>>();
  /** After a failure other requests need not wait for the store as well. */
  #nextAt = 0;
  /** Whether the latest renewal failed. Only the first failure in a row is logged. */
  #fails = false;

  constructor({ store, clock, deadlines, log }: ActivityRenewalOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#deadlines = deadlines;
    this.#log = log;
  }

  renew(record: SessionRecord): MaybePromise<Session> {
    const { session } = record;
    const now = this.#clock();
    const expiresAt = this.#deadlines.expiresAt(session, now);
    if (expiresAt - session.expiresAt < this.#deadlines.idleMs(session) * RENEWAL_STEP || now < this.#nextAt) {
      return freezeRecord(record).session;
    }
    // Only one of several parallel requests writes.
    const pending = this.#pending.get(record.version);
    if (pending !== undefined) {
      return pending;
    }
    const renewal = this.#write(record, expiresAt);
    this.#pending.set(record.version, renewal);
    return renewal.finally(() => this.#pending.delete(record.version));
  }

  async #write(record: SessionRecord, expiresAt: Milliseconds): Promise<Session> {
    const next = changedRecord(record, { session: { ...record.session, expiresAt } });
    try {
      const renewed = await this.#store.replace(next, record.version);
      this.#fails = false;
      // If another call was faster, it has renewed the session as well, or ended it after this request was accepted.
      return renewed ? next.session : record.session;
    } catch (err) {
      // The session is live, and a later request tries again.
      if (!this.#fails) {
        this.#log.warn({ err }, 'the store does not renew sessions: they end at their idle deadline');
      }
      this.#fails = true;
      this.#nextAt = this.#clock() + RENEWAL_PAUSE_MS;
      return record.session;
    }
  }
}
