import { StoreUnavailable } from '../errors.ts';
import { type Clock, type MaybePromise, type Milliseconds, whenReady } from '../types.ts';
import { ActivityRenewal, NO_RENEWAL, type Renewal, type SessionLog } from './activity-renewal.ts';
import { AuthFailure } from './auth-failure.ts';
import { changedTooOften, changeSession, MAX_TRIES } from './change-session.ts';
import {
  type Client,
  changedRecord,
  newVersion,
  SESSION_SCHEMA,
  type Session,
  type SessionRecord,
  withReplaced,
} from './session.ts';
import { type StoredData, toStoredData } from './session-data.ts';
import type { SessionStore } from './session-store.ts';
import { formatToken, generateToken, hashSecret, parseToken } from './token.ts';
import { TokenVerifier } from './token-verifier.ts';

/** A session and the token that authenticates it. The token goes into the cookie and nowhere else. */
export interface IssuedSession {
  readonly session: Session;
  readonly token: string;
}

export interface Lifetimes {
  /** How long a session lasts after sign-in or its latest renewal. */
  readonly idleSeconds: number;
  /** How long a session lasts at most, however often it is renewed. */
  readonly maxSeconds: number;
  /** How long after its replacement a token is refused without being treated as stolen. */
  readonly reuseWindowSeconds: number;
  /** What moves the idle deadline: only a refresh, or each request as well. */
  readonly renewal: 'refresh' | 'activity';
}

export interface SessionManagerOptions {
  readonly store: SessionStore;
  readonly clock: Clock;
  /** The sessions of other namespaces in the same store are unknown to the manager. */
  readonly namespace: string;
  readonly lifetimes: Lifetimes;
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
  readonly #idleMs: Milliseconds;
  readonly #maxMs: Milliseconds;
  /** How long a client keeps a cookie, and with it a token that was replaced. */
  readonly #cookieMs: Milliseconds;
  readonly #renewal: Renewal;

  constructor({ store, clock, namespace, log, lifetimes }: SessionManagerOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#namespace = namespace;
    this.#idleMs = lifetimes.idleSeconds * 1000;
    this.#maxMs = lifetimes.maxSeconds * 1000;
    const byActivity = lifetimes.renewal === 'activity';
    this.#cookieMs = byActivity ? this.#maxMs : this.#idleMs;
    this.#renewal = byActivity ? new ActivityRenewal({ store, clock, idleMs: this.#idleMs, log }) : NO_RENEWAL;
    const reuseWindowMs = lifetimes.reuseWindowSeconds * 1000;
    this.#verifier = new TokenVerifier({ store, clock, namespace, reuseWindowMs });
  }

  /**
   * Creates a session for a user who has just signed in. It takes over nothing from a session that came with the request
   * (OWASP Session Management, "Renew the Session ID After Any Privilege Level Change").
   *
   * The caller must then check once more that the user may sign in, and call {@link discard} if not. Disabling a user and
   * changing a password update the user first and revoke the sessions then; with this order one of the two sides always
   * sees the other.
   */
  async create({ userId, username, data = {} }: NewSession, { address, device }: Client): Promise<IssuedSession> {
    const now = this.#clock();
    const token = generateToken();
    const endsAt = now + this.#maxMs;
    const session = {
      id: token.id,
      namespace: this.#namespace,
      userId,
      username,
      createdAt: now,
      authenticatedAt: now,
      expiresAt: Math.min(now + this.#idleMs, endsAt),
      endsAt,
      address,
      device,
      data: toStoredData(data),
    };
    const record = {
      schema: SESSION_SCHEMA,
      version: newVersion(),
      session,
      secretHash: hashSecret(token.secret),
      replaced: [],
    } as const;
    if (!(await this.#store.create(record))) {
      throw new StoreUnavailable({ cause: new Error('the store reports that a random id is taken') });
    }
    return { session, token: formatToken(token) };
  }

  /** Removes a session whose token was not sent to the client. */
  async discard({ session }: IssuedSession): Promise<void> {
    await this.#store.remove(session.id);
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

  /** Replaces a token by a new one. Of any number of concurrent calls with one token, one succeeds. */
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
      const issued = await this.#rotate(record, now);
      if (issued !== undefined) {
        return issued;
      }
      found = await this.#store.find(token.id, true);
      // A change of the data, or a renewal by another request, leaves the token as it is.
      if (found?.secretHash !== record.secretHash) {
        return new AuthFailure('refreshed elsewhere', record.session);
      }
    }
    throw changedTooOften();
  }

  /**
   * Gives a session a new token after its user has proved their identity again. It wins over concurrent refreshes: their
   * tokens are replaced.
   */
  reauthenticate(id: string): Promise<IssuedSession | AuthFailure> {
    return changeSession(this.#store, this.#clock, id, (record, now) =>
      this.#rotate(record, now, { authenticatedAt: now }),
    );
  }

  /**
   * Ends the session of a token, expired or not, and also if a refresh has replaced the token: a user who signs out while
   * another tab refreshes is signed out. A token that was replaced longer ago than the reuse window is an `AuthFailure`;
   * its session ends as well.
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
    const { session } = match.record;
    await this.#store.remove(session.id);
    return this.#verifier.isReuse(match) ? new AuthFailure('reused token', session) : session;
  }

  /** Replaces the secret of a record. Returns `undefined` if another call was faster. */
  async #rotate(
    record: SessionRecord,
    now: Milliseconds,
    changes: Partial<Session> = {},
  ): Promise<IssuedSession | undefined> {
    const token = generateToken(record.session.id);
    const expiresAt = Math.min(now + this.#idleMs, record.session.endsAt);
    const next = changedRecord(record, {
      session: { ...record.session, ...changes, expiresAt },
      secretHash: hashSecret(token.secret),
      replaced: withReplaced(record, now, this.#cookieMs),
    });
    const replaced = await this.#store.replace(next, record.version);
    return replaced ? { session: next.session, token: formatToken(token) } : undefined;
  }
}
