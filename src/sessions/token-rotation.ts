import { hashSecret } from '../secrets.ts';
import type { Milliseconds } from '../types.ts';
import type { Deadlines } from './lifetimes.ts';
import { type Binding, changedRecord, type Session, type SessionRecord, withReplaced } from './session.ts';
import type { SessionStore } from './session-store.ts';
import { formatToken, generateToken } from './token.ts';

/** A session and its new token. The token goes into the cookie and nowhere else. */
export interface IssuedSession {
  readonly session: Session;
  readonly token: string;
  /** Until when the client keeps the cookie. */
  readonly cookieExpiresAt: Milliseconds;
}

/** The next state of a record, without what follows from the new token. */
type NextRecord = Omit<SessionRecord, 'binding'> & { readonly binding?: Omit<Binding, 'tokenExpiresAt'> };

/** Replaces the tokens of sessions. */
export class TokenRotation {
  readonly #store: Pick<SessionStore, 'replace'>;
  readonly #deadlines: Deadlines;

  constructor(store: Pick<SessionStore, 'replace'>, deadlines: Deadlines) {
    this.#store = store;
    this.#deadlines = deadlines;
  }

  /**
   * Writes the next state of a record with a new token. Returns `undefined` if another call has changed the record first.
   * The replaced token of a session that is bound, or that is bound now, stays good until it would have expired.
   */
  rotate(record: SessionRecord, next: NextRecord, now: Milliseconds): Promise<IssuedSession | undefined> {
    const { cookieMs, tokenMs } = this.#deadlines;
    const { secretHash } = record;
    const expiresAt = record.binding?.tokenExpiresAt ?? record.session.expiresAt;
    const replaced =
      next.binding === undefined
        ? withReplaced(record, { secretHash, replacedAt: now }, cookieMs)
        : withReplaced(record, { secretHash, replacedAt: now, goodUntil: Math.min(expiresAt, now + tokenMs) }, tokenMs);
    return this.#write(record, { ...next, replaced }, now);
  }

  /**
   * The same for a user who has proved their identity again. Returns only the session if it is bound: a password does not
   * prove the key. No token opens the session until its browser sends a proof.
   */
  async reauthenticate(record: SessionRecord, now: Milliseconds): Promise<IssuedSession | Session | undefined> {
    // Somebody may have copied the offer together with the password.
    const { offer: _, ...rest } = record;
    const next = { ...rest, session: { ...record.session, authenticatedAt: now } };
    if (record.binding === undefined) {
      return this.rotate(record, next, now);
    }
    const issued = await this.#write(record, { ...next, replaced: [] }, now);
    return issued?.session;
  }

  async #write(record: SessionRecord, next: NextRecord, now: Milliseconds): Promise<IssuedSession | undefined> {
    const token = generateToken(record.session.id);
    const session = { ...next.session, expiresAt: this.#deadlines.expiresAt(next.session, now) };
    const tokenExpiresAt = this.#deadlines.tokenExpiresAt(session, now);
    const { binding, ...rest } = next;
    const written = changedRecord({
      ...rest,
      session,
      secretHash: hashSecret(token.secret),
      ...(binding && { binding: { ...binding, tokenExpiresAt } }),
    });
    const replaced = await this.#store.replace(written, record.version);
    const cookieExpiresAt = this.#deadlines.cookieExpiresAt(session, now);
    return replaced ? { session: written.session, token: formatToken(token), cookieExpiresAt } : undefined;
  }
}
