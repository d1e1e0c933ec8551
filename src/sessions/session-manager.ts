import { StoreUnavailable } from '../errors.ts';
import { hashSecret } from '../secrets.ts';
import { type Clock, type MaybePromise, whenReady } from '../types.ts';
import { ActivityRenewal, NO_RENEWAL, type Renewal, type SessionLog } from './activity-renewal.ts';
import { AuthFailure } from './auth-failure.ts';
import { createOffer } from './binding.ts';
import { BoundSessions } from './bound-sessions.ts';
import { changedTooOften, changeSession, MAX_TRIES } from './change-session.ts';
import { Deadlines, type Lifetimes } from './lifetimes.ts';
import { type Client, isLive, type Session, sessionRecord } from './session.ts';
import { type StoredData, toStoredData } from './session-data.ts';
import type { SessionStore } from './session-store.ts';
import { formatToken, generateToken, parseToken } from './token.ts';
import { type IssuedSession, TokenRotation } from './token-rotation.ts';
import { isGood, TokenVerifier } from './token-verifier.ts';

/** A session that was just created. */
export interface CreatedSession extends IssuedSession {
  /** What the browser must sign to bind the session, if that is offered. It is as secret as the token. */
  readonly challenge: string | undefined;
}

export interface SessionManagerOptions {
  readonly store: SessionStore;
  readonly clock: Clock;
  /** The sessions of other namespaces in the same store are unknown to the manager. */
  readonly namespace: string;
  readonly lifetimes: Lifetimes;
  /** Whether a new session is offered to its browser for binding. */
  readonly offersBinding: boolean;
  readonly log: SessionLog;
}

/** The user of a new session, and what the app keeps with it. */
export interface NewSession {
  readonly userId: string;
  readonly username: string;
  readonly data?: StoredData;
}

/**
 * The rules of a single session. It knows a store and a clock, and nothing of HTTP.
 *
 * A method returns what it found or an {@link AuthFailure}. It throws or rejects only if the store failed.
 */
export class SessionManager {
  readonly #store: SessionStore;
  readonly #clock: Clock;
  readonly #namespace: string;
  readonly #verifier: TokenVerifier;
  readonly #deadlines: Deadlines;
  readonly #offersBinding: boolean;
  readonly #renewal: Renewal;
  readonly #rotation: TokenRotation;
  /** The rules of sessions that are bound to a key. */
  readonly bound: BoundSessions;

  constructor({ store, clock, namespace, log, lifetimes, offersBinding }: SessionManagerOptions) {
    const deadlines = new Deadlines(lifetimes);
    const shared = { store, clock, namespace, deadlines };
    this.#store = store;
    this.#clock = clock;
    this.#namespace = namespace;
    this.#deadlines = deadlines;
    this.#offersBinding = offersBinding;
    this.#renewal =
      lifetimes.renewal === 'activity' ? new ActivityRenewal({ store, clock, deadlines, log }) : NO_RENEWAL;
    this.#rotation = new TokenRotation(store, deadlines);
    this.#verifier = new TokenVerifier({ ...shared, reuseWindowMs: lifetimes.reuseWindowSeconds * 1000 });
    this.bound = new BoundSessions({ ...shared, rotation: this.#rotation, verifier: this.#verifier });
  }

  /**
   * Creates a session for a user who has just signed in. It takes over nothing from a session that came with the request
   * (OWASP Session Management, "Renew the Session ID After Any Privilege Level Change").
   *
   * The caller must then check once more that the user may sign in, and remove the session if not. Disabling a user and
   * changing a password update the user first and revoke the sessions then; with this order one of the two sides always
   * sees the other.
   */
  async create({ userId, username, data = {} }: NewSession, { address, device }: Client): Promise<CreatedSession> {
    const now = this.#clock();
    const token = generateToken();
    const endsAt = now + this.#deadlines.maxMs;
    const session = {
      id: token.id,
      namespace: this.#namespace,
      userId,
      username,
      createdAt: now,
      authenticatedAt: now,
      expiresAt: this.#deadlines.expiresAt({ bound: false, endsAt }, now),
      endsAt,
      bound: false,
      address,
      device,
      data: toStoredData(data),
    };
    const offered = this.#offersBinding ? createOffer(token.id, now) : undefined;
    const record = sessionRecord({
      session,
      secretHash: hashSecret(token.secret),
      replaced: [],
      ...(offered && { offer: offered.offer }),
    });
    if (!(await this.#store.create(record))) {
      throw new StoreUnavailable({ cause: new Error('the store reports that a random id is taken') });
    }
    const cookieExpiresAt = this.#deadlines.cookieExpiresAt(session, now);
    return { session: record.session, token: formatToken(token), cookieExpiresAt, challenge: offered?.challenge };
  }

  /**
   * Returns the live session of a token, frozen, without a promise if the store answers without one. A token that was replaced
   * longer ago than the reuse window ends its session: the token was stolen.
   */
  authenticate(text: string): MaybePromise<Session | AuthFailure> {
    const token = parseToken(text);
    if (token === undefined) {
      return new AuthFailure('malformed token');
    }
    return whenReady(this.#store.find(token.id), (record) =>
      // Nearly every request takes this way and needs no promise.
      record !== undefined && this.#verifier.isCurrent(record, token)
        ? this.#renewal.renew(record)
        : this.#verifier
            .open(token, record)
            .then((opened) => (opened instanceof AuthFailure ? opened : this.#renewal.renew(opened.record))),
    );
  }

  /**
   * Replaces the token of a session that is not bound. Of any number of concurrent calls with one token, one succeeds. A bound
   * session needs a proof: `bound.refresh`.
   */
  async refresh(text: string): Promise<IssuedSession | AuthFailure> {
    const token = parseToken(text);
    if (token === undefined) {
      return new AuthFailure('malformed token');
    }
    let found = await this.#store.find(token.id);
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const opened = await this.#verifier.open(token, found);
      if (opened instanceof AuthFailure) {
        return opened;
      }
      const { record, now } = opened;
      if (record.binding !== undefined) {
        return new AuthFailure('no proof', record.session);
      }
      const issued = await this.#rotation.rotate(record, record, now);
      if (issued !== undefined) {
        return issued;
      }
      found = await this.#store.find(token.id, true);
      // A change of the data, or a renewal by another request, leaves the token as it is. If the session is bound now, a
      // replaced token still opens it.
      if (found?.secretHash !== record.secretHash && found?.binding === undefined) {
        return new AuthFailure('refreshed elsewhere', record.session);
      }
    }
    throw changedTooOften();
  }

  /**
   * Gives a session a new token after its user has proved their identity again. It wins over concurrent refreshes: their
   * tokens are replaced. A bound session is returned without a token.
   */
  reauthenticate(id: string): Promise<IssuedSession | Session | AuthFailure> {
    return changeSession(this.#store, this.#clock, id, (record, now) => this.#rotation.reauthenticate(record, now));
  }

  /**
   * Ends the session of a token, expired or not, and also if a refresh has replaced the token: a user who signs out while
   * another tab refreshes is signed out. A token that was replaced longer ago than the reuse window is an `AuthFailure`;
   * its session ends as well. A token of a bound session that has expired does not end it: a thief may have sent it.
   */
  async end(text: string): Promise<Session | AuthFailure> {
    const token = parseToken(text);
    if (token === undefined) {
      return new AuthFailure('malformed token');
    }
    const match = await this.#verifier.match(token, await this.#store.find(token.id));
    if (match instanceof AuthFailure) {
      return match;
    }
    const { session, binding } = match.record;
    if (binding !== undefined && !isGood(match)) {
      return new AuthFailure(isLive(session, match.now) ? 'expired token' : 'expired', session);
    }
    await this.#store.remove(session.id);
    return binding === undefined && this.#verifier.isReuse(match) ? new AuthFailure('reused token', session) : session;
  }
}
