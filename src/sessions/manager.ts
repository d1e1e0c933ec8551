import { StoreUnavailable } from '../errors.ts';
import { isThenable, type MaybePromise } from '../maybe-promise.ts';
import type { SessionStore } from '../stores/session-store.ts';
import {
  type Client,
  type Clock,
  isLive,
  type Milliseconds,
  type Session,
  type SessionRecord,
  toSession,
} from './record.ts';
import { Refusal } from './refusal.ts';
import { rememberReplaced, whenReplaced } from './replaced-secrets.ts';
import { formatToken, hashesMatch, hashSecret, mintToken, parseToken, type Token } from './token.ts';

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
  /** How long after its replacement a token may come back without being taken for stolen. */
  readonly reuseWindowSeconds: number;
}

/** What a token turned out to be: a session's, and its present one or one that was replaced. */
interface Recognized {
  readonly record: SessionRecord;
  readonly now: Milliseconds;
  readonly replacedAt: Milliseconds | undefined;
}

/**
 * The rules of one session. It knows a store and a clock, and no HTTP.
 *
 * A method answers with what it found or with a {@link Refusal}; it throws or rejects only when the store failed.
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
   * Starts a session for a user who has just signed in. Nothing of a session that came with the request is adopted
   * (OWASP Session Management, "Renew the Session ID After Any Privilege Level Change").
   *
   * `settle` runs once the session stands, for whatever belongs to it: a refusal or an error takes the session back.
   * Whoever takes the user's leave to sign in away, and ends their sessions after that, cannot miss one that was being
   * started meanwhile if `settle` asks for that leave: either they see the session, or it sees them.
   */
  async start(
    username: string,
    client: Client,
    settle: (session: Session) => MaybePromise<Refusal | undefined> = () => undefined,
  ): Promise<IssuedSession | Refusal> {
    const issued = await this.#create(username, client);
    const { id } = issued.session;
    let refusal: Refusal | undefined;
    try {
      refusal = await settle(issued.session);
    } catch (error) {
      // Nobody will get this token: a session that nobody holds must not stay.
      await this.#store.remove(id);
      throw error;
    }
    if (refusal !== undefined) {
      await this.#store.remove(id);
    }
    return refusal ?? issued;
  }

  /**
   * The live session that a token opens; at once if the store answers at once. A token that was replaced a while ago ends
   * its session: it was stolen.
   */
  authenticate(text: string): MaybePromise<Session | Refusal> {
    const token = parseToken(text);
    if (token === undefined) {
      return new Refusal('malformed token');
    }
    const record = this.#store.find(token.id);
    if (record === undefined) {
      return new Refusal('unknown session', token);
    }
    // Nearly every request goes this way, and no further.
    if (!isThenable(record) && this.#isOpenedBy(record, token)) {
      return toSession(record);
    }
    return this.#open(token, record).then((found) =>
      found instanceof Refusal ? found : toSession(found.record),
    );
  }

  #isOpenedBy(record: SessionRecord, { secret }: Token): boolean {
    return hashesMatch(record.secretHash, hashSecret(secret)) && isLive(record, this.#clock());
  }

  /** Swaps a token for a fresh one, once: of any number of concurrent calls with one token, one succeeds. */
  async refresh(text: string): Promise<IssuedSession | Refusal> {
    const found = await this.#open(parseToken(text));
    if (found instanceof Refusal) {
      return found;
    }
    const { record, now } = found;
    return (await this.#rotate(record, now)) ?? new Refusal('refreshed elsewhere', record);
  }

  /**
   * Gives a session whose user has just proved who they are a fresh token, whoever else is refreshing it meanwhile:
   * the others lose.
   */
  async renew(id: string): Promise<IssuedSession | Refusal> {
    for (;;) {
      const record = await this.#store.find(id);
      const now = this.#clock();
      if (record === undefined || !isLive(record, now)) {
        return new Refusal(record === undefined ? 'unknown session' : 'expired', { id });
      }
      const issued = await this.#rotate(record, now, { authenticatedAt: now });
      if (issued !== undefined) {
        return issued;
      }
    }
  }

  /**
   * Ends the session that a token belongs to, expired or not, and also if a refresh has replaced that token: whoever
   * signs out while another tab refreshes is signed out. A token that was replaced a while ago is refused as reused;
   * its session ends as well.
   */
  async end(text: string): Promise<Session | Refusal> {
    const found = await this.#recognize(parseToken(text));
    if (found instanceof Refusal) {
      return found;
    }
    await this.#store.remove(found.record.id);
    return this.#isReuse(found) ? new Refusal('reused token', found.record) : toSession(found.record);
  }

  async #create(username: string, client: Client): Promise<IssuedSession> {
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
      address: client.address,
      device: client.device,
    };
    if (!(await this.#store.create(record))) {
      throw new StoreUnavailable({ cause: new Error('the store says that a random id is taken') });
    }
    return issue(record, token);
  }

  /** Puts a new secret in place of a record's, or answers `undefined` if somebody else was first. */
  async #rotate(
    record: SessionRecord,
    now: Milliseconds,
    changes: Partial<Session> = {},
  ): Promise<IssuedSession | undefined> {
    const token = mintToken(record.id);
    const next = {
      ...record,
      ...changes,
      secretHash: hashSecret(token.secret),
      expiresAt: Math.min(now + this.#idleMs, record.endsAt),
      replaced: rememberReplaced(record, now, this.#idleMs),
    };
    return (await this.#store.replace(next, record.secretHash)) ? issue(next, token) : undefined;
  }

  async #open(
    token: Token | undefined,
    asked?: MaybePromise<SessionRecord | undefined>,
  ): Promise<Recognized | Refusal> {
    const found = await this.#recognize(token, asked);
    if (found instanceof Refusal) {
      return found;
    }
    if (!isLive(found.record, found.now)) {
      return new Refusal('expired', found.record);
    }
    return found.replacedAt === undefined ? found : this.#refuseReplaced(found);
  }

  /**
   * A replaced token that comes back at once is a second tab or a retry. Later, two parties hold tokens of one session,
   * and there is no telling which of them is the thief (RFC 9700, section 4.14.2): it ends for both.
   */
  async #refuseReplaced(found: Recognized): Promise<Refusal> {
    if (!this.#isReuse(found)) {
      return new Refusal('replaced token', found.record);
    }
    await this.#store.remove(found.record.id);
    return new Refusal('reused token', found.record);
  }

  #isReuse({ replacedAt, now }: Recognized): boolean {
    return replacedAt !== undefined && now - replacedAt > this.#reuseWindowMs;
  }

  /**
   * The record that a token belongs to, live or not; `asked` is what the store said if it was asked before. A token that
   * is not well formed never reaches the store.
   */
  async #recognize(
    token: Token | undefined,
    asked?: MaybePromise<SessionRecord | undefined>,
  ): Promise<Recognized | Refusal> {
    if (token === undefined) {
      return new Refusal('malformed token');
    }
    const hash = hashSecret(token.secret);
    const record = await (asked ?? this.#store.find(token.id));
    const found = record && this.#match(record, hash);
    if (found !== undefined) {
      return found;
    }
    // The secret of a refresh that this process has not heard of yet?
    const latest = record && (await this.#store.find(token.id, true));
    if (latest === undefined) {
      return new Refusal('unknown session', { id: token.id });
    }
    return this.#match(latest, hash) ?? new Refusal('wrong secret', latest);
  }

  #match(record: SessionRecord, hash: string): Recognized | undefined {
    const now = this.#clock();
    if (hashesMatch(record.secretHash, hash)) {
      return { record, now, replacedAt: undefined };
    }
    const replacedAt = whenReplaced(record, hash);
    return replacedAt === undefined ? undefined : { record, now, replacedAt };
  }
}

function issue(record: SessionRecord, token: Token): IssuedSession {
  return { session: toSession(record), token: formatToken(token) };
}
