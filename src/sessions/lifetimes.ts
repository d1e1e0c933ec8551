import type { Milliseconds } from '../types.ts';
import type { Session } from './session.ts';

export interface Lifetimes {
  /** How long a session lasts after sign-in or its latest renewal. */
  readonly idleSeconds: number;
  /** The same for a bound session, if it is longer. */
  readonly boundIdleSeconds: number;
  /** How long a session lasts at most, however often it is renewed. */
  readonly maxSeconds: number;
  /** How long after its replacement a token is refused without being treated as stolen. */
  readonly reuseWindowSeconds: number;
  /** What moves the idle deadline: only a refresh, or each request as well. */
  readonly renewal: 'refresh' | 'activity';
}

/**
 * The longest time that a token of a bound session is accepted. A stolen one is worthless then. Chrome signs at most six
 * times in nine minutes, so it must not be much shorter.
 */
const MAX_TOKEN_MS = 120_000;
/** A browser deletes the cookie this long before the server refuses the token: a request takes its time to arrive. */
const MAX_COOKIE_MARGIN_MS = 5000;

/** The deadlines of sessions, tokens and cookies. */
export class Deadlines {
  readonly maxMs: Milliseconds;
  /** How long a token of a bound session is accepted. */
  readonly tokenMs: Milliseconds;
  /** How long a client keeps the cookie of a session that is not bound, and with it a token that was replaced. */
  readonly cookieMs: Milliseconds;
  readonly #idleMs: Milliseconds;
  readonly #boundIdleMs: Milliseconds;
  readonly #byActivity: boolean;

  constructor({ idleSeconds, boundIdleSeconds, maxSeconds, renewal }: Lifetimes) {
    this.maxMs = maxSeconds * 1000;
    this.#idleMs = idleSeconds * 1000;
    this.#boundIdleMs = Math.max(idleSeconds, boundIdleSeconds) * 1000;
    this.#byActivity = renewal === 'activity';
    this.tokenMs = Math.min(this.#idleMs, MAX_TOKEN_MS);
    this.cookieMs = this.#byActivity ? this.maxMs : this.#idleMs;
  }

  idleMs({ bound }: Pick<Session, 'bound'>): Milliseconds {
    return bound ? this.#boundIdleMs : this.#idleMs;
  }

  /** The idle deadline of a session that is renewed now. */
  expiresAt(session: Pick<Session, 'bound' | 'endsAt'>, now: Milliseconds): Milliseconds {
    return Math.min(now + this.idleMs(session), session.endsAt);
  }

  /** Until when a token of a bound session is accepted that is issued now. */
  tokenExpiresAt({ endsAt }: Pick<Session, 'endsAt'>, now: Milliseconds): Milliseconds {
    return Math.min(now + this.tokenMs, endsAt);
  }

  /** Until when the client keeps the cookie with a token that is issued now. */
  cookieExpiresAt(session: Session, now: Milliseconds): Milliseconds {
    if (session.bound) {
      const lifetime = this.tokenExpiresAt(session, now) - now;
      const seconds = Math.floor((lifetime - Math.min(lifetime / 10, MAX_COOKIE_MARGIN_MS)) / 1000);
      return now + Math.max(1, seconds) * 1000;
    }
    return this.#byActivity ? session.endsAt : session.expiresAt;
  }
}
