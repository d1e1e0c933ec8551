import { StoreUnavailable } from '../errors.ts';
import type { MaybePromise, SessionStore } from '../stores/session-store.ts';
import {
  type Clock,
  isLive,
  type Milliseconds,
  type Session,
  type SessionRecord,
  toSession,
} from './record.ts';
import { formatToken, hashesMatch, hashSecret, mintToken, parseToken, type Token } from './token.ts';

/** Why a token opens no session, or why none was started. For the log at debug level; a client is told `NotSignedIn` for all of them. */
export type Refusal =
  | 'malformed token'
  | 'unknown session'
  | 'wrong secret'
  | 'expired'
  | 'refreshed elsewhere'
  | 'no longer allowed';

/** A session together with the token that now opens it. The token goes into the cookie and nowhere else. */
export interface IssuedSession {
  readonly session: Session;
  readonly token: string;
}

export interface Lifetimes {
  /** How long a session lasts after sign-in or its latest refresh. */
  readonly idleSeconds: number;
  /** How long a session lasts at the most, however often it is refreshed. */
  readonly maxSeconds: number;
}

/**
 * The rules of sessions. It knows a store and a clock, and no HTTP.
 *
 * A method answers with what it found or with a {@link Refusal}; it rejects only when the store failed.
 */
export class SessionManager {
  readonly #store: SessionStore;
  readonly #clock: Clock;
  readonly #idleMs: Milliseconds;
  readonly #maxMs: Milliseconds;

  constructor(store: SessionStore, clock: Clock, { idleSeconds, maxSeconds }: Lifetimes) {
    this.#store = store;
    this.#clock = clock;
    this.#idleMs = idleSeconds * 1000;
    this.#maxMs = maxSeconds * 1000;
  }

  /**
   * Starts a session for a user who has just signed in, and ends those that came with the request.
   * Nothing of a session that came is adopted (OWASP Session Management, "Renew the Session ID After Any
   * Privilege Level Change"), and it ends only once the new one stands: a failure leaves the user what they had.
   *
   * `isStillAllowed` is asked once the session stands. Whoever takes the user's leave to sign in away, and ends their
   * sessions after that, cannot miss one that was being started meanwhile: either they see it, or this sees them.
   */
  async start(
    username: string,
    presentedTokens: readonly string[] = [],
    isStillAllowed: () => MaybePromise<boolean> = () => true,
  ): Promise<IssuedSession | Refusal> {
    const issued = await this.#create(username);
    try {
      if (!(await isStillAllowed())) {
        await this.#store.remove(issued.session.id);
        return 'no longer allowed';
      }
      await Promise.all(presentedTokens.map((token) => this.end(token)));
    } catch (error) {
      // Nobody will get this token: a session that nobody holds must not stay.
      await this.#store.remove(issued.session.id);
      throw error;
    }
    return issued;
  }

  /** The live session that a token opens. */
  async authenticate(text: string): Promise<Session | Refusal> {
    const found = await this.#open(text);
    return typeof found === 'string' ? found : toSession(found.record);
  }

  /** Swaps a token for a fresh one, once: of any number of concurrent calls with one token, one succeeds. */
  async refresh(text: string): Promise<IssuedSession | Refusal> {
    const found = await this.#open(text);
    if (typeof found === 'string') {
      return found;
    }
    const { record, now } = found;
    const token = mintToken(record.id);
    const next = {
      ...record,
      secretHash: hashSecret(token.secret),
      expiresAt: Math.min(now + this.#idleMs, record.endsAt),
    };
    return (await this.#store.replace(next, record.secretHash)) ? issue(next, token) : 'refreshed elsewhere';
  }

  /**
   * Ends the session that a token belongs to, expired or not. It is removed by its id, so that a refresh
   * that wins the race against this ending does not save it.
   */
  async end(text: string): Promise<Session | Refusal> {
    const record = await this.#recognize(text);
    if (typeof record !== 'string') {
      await this.#store.remove(record.id);
      return toSession(record);
    }
    return record;
  }

  async #create(username: string): Promise<IssuedSession> {
    const now = this.#clock();
    const token = mintToken();
    const endsAt = now + this.#maxMs;
    const record = {
      id: token.id,
      secretHash: hashSecret(token.secret),
      username,
      createdAt: now,
      authenticatedAt: now,
      expiresAt: Math.min(now + this.#idleMs, endsAt),
      endsAt,
    };
    if (!(await this.#store.create(record))) {
      throw new StoreUnavailable({ cause: new Error('the store says that a random id is taken') });
    }
    return issue(record, token);
  }

  async #open(text: string): Promise<{ record: SessionRecord; now: Milliseconds } | Refusal> {
    const record = await this.#recognize(text);
    if (typeof record === 'string') {
      return record;
    }
    const now = this.#clock();
    return isLive(record, now) ? { record, now } : 'expired';
  }

  /** The record that a token belongs to, live or not. A token that is not well formed never reaches the store. */
  async #recognize(text: string): Promise<SessionRecord | Refusal> {
    const token = parseToken(text);
    if (token === undefined) {
      return 'malformed token';
    }
    const record = await this.#store.find(token.id);
    if (record === undefined) {
      return 'unknown session';
    }
    return hashesMatch(record.secretHash, hashSecret(token.secret)) ? record : 'wrong secret';
  }
}

function issue(record: SessionRecord, token: Token): IssuedSession {
  return { session: toSession(record), token: formatToken(token) };
}
