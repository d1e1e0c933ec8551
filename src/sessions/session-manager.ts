import { StoreUnavailable } from '../errors.ts';
import { type Clock, type MaybePromise, type Milliseconds, whenReady } from '../types.ts';
import { AuthFailure } from './auth-failure.ts';
import {
  type Client,
  isLive,
  replacedAt,
  SESSION_SCHEMA,
  type Session,
  type SessionRecord,
  withReplaced,
} from './session.ts';
import type { SessionStore } from './session-store.ts';
import { formatToken, generateToken, hashesMatch, hashSecret, parseToken, type Token } from './token.ts';

/** A session and the token that authenticates it. The token goes into the cookie and nowhere else. */
export interface IssuedSession {
  readonly session: Session;
  readonly token: string;
}

export interface Lifetimes {
  /** How long a session lasts after sign-in or its latest refresh. */
  readonly idleSeconds: number;
  /** How long a session lasts at most, however often it is refreshed. */
  readonly maxSeconds: number;
  /** How long after its replacement a token is refused without being treated as stolen. */
  readonly reuseWindowSeconds: number;
}

/** The record that a token belongs to, and whether the token is its current one. */
interface TokenMatch {
  readonly record: SessionRecord;
  readonly now: Milliseconds;
  /** When the token was replaced; `undefined` for the current token. */
  readonly replacedAt: Milliseconds | undefined;
}

/** How often `reauthenticate` tries when concurrent refreshes change the record first. */
const MAX_TRIES = 10;

/**
 * The rules of a single session. It knows a store and a clock, and nothing of HTTP.
 *
 * A method returns what it found or an {@link AuthFailure}. It throws or rejects only if the store failed.
 */
export class SessionManager {
  readonly #store: SessionStore;
  readonly #clock: Clock;
  readonly #idleMs: Milliseconds;
  readonly #maxMs: Milliseconds;
  readonly #reuseWindowMs: Milliseconds;

  constructor(store: SessionStore, clock: Clock, lifetimes: Lifetimes) {
    this.#store = store;
    this.#clock = clock;
    this.#idleMs = lifetimes.idleSeconds * 1000;
    this.#maxMs = lifetimes.maxSeconds * 1000;
    this.#reuseWindowMs = lifetimes.reuseWindowSeconds * 1000;
  }

  /**
   * Creates a session for a user who has just signed in. It takes over nothing from a session that came with the request
   * (OWASP Session Management, "Renew the Session ID After Any Privilege Level Change").
   *
   * The caller must then check once more that the user may sign in, and call {@link discard} if not. Disabling a user and
   * changing a password update the user first and revoke the sessions then; with this order one of the two sides always
   * sees the other.
   */
  async create(username: string, { address, device }: Client): Promise<IssuedSession> {
    const now = this.#clock();
    const token = generateToken();
    const endsAt = now + this.#maxMs;
    const session = {
      id: token.id,
      username,
      createdAt: now,
      authenticatedAt: now,
      expiresAt: Math.min(now + this.#idleMs, endsAt),
      endsAt,
      address,
      device,
    };
    const record = {
      schema: SESSION_SCHEMA,
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
      record !== undefined && this.#isCurrent(record, token)
        ? Object.freeze(record.session)
        : this.#open(token, record).then((opened) =>
            opened instanceof AuthFailure ? opened : Object.freeze(opened.record.session),
          ),
    );
  }

  #isCurrent({ secretHash, session }: SessionRecord, { secret }: Token): boolean {
    return hashesMatch(secretHash, hashSecret(secret)) && isLive(session, this.#clock());
  }

  /** Replaces a token by a new one. Of any number of concurrent calls with one token, one succeeds. */
  async refresh(text: string): Promise<IssuedSession | AuthFailure> {
    const token = parseToken(text);
    if (token === undefined) {
      return new AuthFailure('malformed token');
    }
    const opened = await this.#open(token, await this.#store.find(token.id));
    if (opened instanceof AuthFailure) {
      return opened;
    }
    const { record, now } = opened;
    return (await this.#rotate(record, now)) ?? new AuthFailure('refreshed elsewhere', record.session);
  }

  /**
   * Gives a session a new token after its user has proved their identity again. It wins over concurrent refreshes: their
   * tokens are replaced.
   */
  async reauthenticate(id: string): Promise<IssuedSession | AuthFailure> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const record = await this.#store.find(id, true);
      const now = this.#clock();
      if (record === undefined || !isLive(record.session, now)) {
        return new AuthFailure(record === undefined ? 'unknown session' : 'expired', { id });
      }
      const issued = await this.#rotate(record, now, { authenticatedAt: now });
      if (issued !== undefined) {
        return issued;
      }
    }
    throw new StoreUnavailable({ cause: new Error(`the session changed ${MAX_TRIES} times in a row`) });
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
    const match = await this.#match(token, await this.#store.find(token.id));
    if (match instanceof AuthFailure) {
      return match;
    }
    const { session } = match.record;
    await this.#store.remove(session.id);
    return this.#isReuse(match) ? new AuthFailure('reused token', session) : session;
  }

  /** Replaces the secret of a record. Returns `undefined` if another call was faster. */
  async #rotate(
    record: SessionRecord,
    now: Milliseconds,
    changes: Partial<Session> = {},
  ): Promise<IssuedSession | undefined> {
    const token = generateToken(record.session.id);
    const expiresAt = Math.min(now + this.#idleMs, record.session.endsAt);
    const session = { ...record.session, ...changes, expiresAt };
    const next = {
      schema: SESSION_SCHEMA,
      session,
      secretHash: hashSecret(token.secret),
      replaced: withReplaced(record, now, this.#idleMs),
    } as const;
    const replaced = await this.#store.replace(next, record.secretHash);
    return replaced ? { session, token: formatToken(token) } : undefined;
  }

  /** Returns the live record whose current token this is. */
  async #open(token: Token, record: SessionRecord | undefined): Promise<TokenMatch | AuthFailure> {
    const match = await this.#match(token, record);
    if (match instanceof AuthFailure) {
      return match;
    }
    if (!isLive(match.record.session, match.now)) {
      return new AuthFailure('expired', match.record.session);
    }
    return match.replacedAt === undefined ? match : this.#refuseReplaced(match);
  }

  /**
   * Refuses a replaced token. Within the reuse window it comes from a second tab or a retry. Later, two parties hold
   * tokens of one session and either may be the thief, so the session ends for both (RFC 9700, section 4.14.2).
   */
  async #refuseReplaced(match: TokenMatch): Promise<AuthFailure> {
    const { session } = match.record;
    if (!this.#isReuse(match)) {
      return new AuthFailure('replaced token', session);
    }
    await this.#store.remove(session.id);
    return new AuthFailure('reused token', session);
  }

  #isReuse({ replacedAt, now }: TokenMatch): boolean {
    return replacedAt !== undefined && now - replacedAt > this.#reuseWindowMs;
  }

  /** Matches a token with the record that `find` returned, and with the latest record if that one is older. */
  async #match(token: Token, found: SessionRecord | undefined): Promise<TokenMatch | AuthFailure> {
    const hash = hashSecret(token.secret);
    const match = found && this.#matchRecord(found, hash);
    if (match !== undefined) {
      return match;
    }
    // A refresh on another instance may have replaced the record in a cache.
    const latest = found && (await this.#store.find(token.id, true));
    if (latest === undefined) {
      return new AuthFailure('unknown session', { id: token.id });
    }
    return this.#matchRecord(latest, hash) ?? new AuthFailure('wrong secret', latest.session);
  }

  #matchRecord(record: SessionRecord, hash: string): TokenMatch | undefined {
    const now = this.#clock();
    if (hashesMatch(record.secretHash, hash)) {
      return { record, now, replacedAt: undefined };
    }
    const replaced = replacedAt(record, hash);
    return replaced === undefined ? undefined : { record, now, replacedAt: replaced };
  }
}
