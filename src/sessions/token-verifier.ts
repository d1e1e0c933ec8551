import { hashesMatch, hashSecret } from '../secrets.ts';
import type { Clock, Milliseconds } from '../types.ts';
import { AuthFailure } from './auth-failure.ts';
import { findReplaced, isLive, type SessionRecord } from './session.ts';
import type { SessionStore } from './session-store.ts';
import type { Token } from './token.ts';

/** The record that a token belongs to, and whether the token is its current one. */
export interface TokenMatch {
  readonly record: SessionRecord;
  readonly now: Milliseconds;
  /** When the token was replaced; `undefined` for the current token. */
  readonly replacedAt: Milliseconds | undefined;
  /** Until when the token of a bound session is accepted, also if it was replaced. */
  readonly goodUntil: Milliseconds | undefined;
}

export interface TokenVerifierOptions {
  readonly store: Pick<SessionStore, 'find' | 'remove'>;
  readonly clock: Clock;
  /** Sessions of other namespaces are unknown. */
  readonly namespace: string;
  /** How long after its replacement a token is refused without being treated as stolen. */
  readonly reuseWindowMs: Milliseconds;
}

/** Compares tokens with the records of their sessions. */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions;

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
  }

  /** Whether this is the current token of a live session. */
  isCurrent({ secretHash, session, binding }: SessionRecord, { secret }: Token): boolean {
    const { namespace, clock } = this.#options;
    if (session.namespace !== namespace || !hashesMatch(secretHash, hashSecret(secret))) {
      return false;
    }
    const now = clock();
    return isLive(session, now) && (binding === undefined || now < binding.tokenExpiresAt);
  }

  /**
   * Returns the live record that the token opens: its current token, and of a bound session also a replaced one that has not
   * expired. `found` is what `find` of the store returned.
   */
  async open(token: Token, found: SessionRecord | undefined): Promise<TokenMatch | AuthFailure> {
    const match = await this.match(token, found);
    if (match instanceof AuthFailure) {
      return match;
    }
    const { session, binding } = match.record;
    if (!isLive(session, match.now)) {
      return new AuthFailure('expired', session);
    }
    if (binding !== undefined) {
      // The reuse of a token reveals no theft: a thief cannot have refreshed the session without a proof.
      return isGood(match) ? match : new AuthFailure('expired token', session);
    }
    return match.replacedAt === undefined ? match : this.#refuseReplaced(match);
  }

  /** Whether the token opens the bound session of the record: also a replaced one that has not expired. */
  opensBound(record: SessionRecord, { id, secret }: Token): boolean {
    const match = id === record.session.id ? this.#matchRecord(record, hashSecret(secret)) : undefined;
    return match !== undefined && isGood(match);
  }

  /** Matches a token with the record that `find` returned, and with the latest record if that one is older. */
  async match(token: Token, found: SessionRecord | undefined): Promise<TokenMatch | AuthFailure> {
    const { store, namespace } = this.#options;
    if (found === undefined || found.session.namespace !== namespace) {
      return new AuthFailure('unknown session', { id: token.id });
    }
    const hash = hashSecret(token.secret);
    const match = this.#matchRecord(found, hash);
    if (match !== undefined) {
      return match;
    }
    // A refresh on another instance may have replaced the record in a cache.
    const latest = await store.find(token.id, true);
    if (latest === undefined) {
      return new AuthFailure('unknown session', { id: token.id });
    }
    return this.#matchRecord(latest, hash) ?? new AuthFailure('wrong secret', latest.session);
  }

  /** Whether the token was replaced longer ago than a second tab or a retry would explain. */
  isReuse({ replacedAt, now }: TokenMatch): boolean {
    return replacedAt !== undefined && now - replacedAt > this.#options.reuseWindowMs;
  }

  /**
   * Refuses a replaced token. Within the reuse window it comes from a second tab or a retry. Later, two parties hold
   * tokens of one session and either may be the thief, so the session ends for both (RFC 9700, section 4.14.2).
   */
  async #refuseReplaced(match: TokenMatch): Promise<AuthFailure> {
    const { session } = match.record;
    if (!this.isReuse(match)) {
      return new AuthFailure('replaced token', session);
    }
    await this.#options.store.remove(session.id);
    return new AuthFailure('reused token', session);
  }

  #matchRecord(record: SessionRecord, hash: string): TokenMatch | undefined {
    const now = this.#options.clock();
    if (hashesMatch(record.secretHash, hash)) {
      return { record, now, replacedAt: undefined, goodUntil: record.binding?.tokenExpiresAt };
    }
    const replaced = findReplaced(record, hash);
    return replaced && { record, now, replacedAt: replaced.replacedAt, goodUntil: replaced.goodUntil };
  }
}

/** Whether the token of a bound session is accepted. One that was replaced before the binding is not. */
export function isGood({ now, goodUntil }: TokenMatch): boolean {
  return goodUntil !== undefined && now < goodUntil;
}
