import type { Clock, Milliseconds } from '../types.ts';
import { AuthFailure, type ProofProblem } from './auth-failure.ts';
import { createBinding, isOpenChallenge, issueChallenge, matchesOffer } from './binding.ts';
import { changeSession } from './change-session.ts';
import { isSignedBy, parseProof } from './device-proof.ts';
import type { Deadlines } from './lifetimes.ts';
import type { PublicKey, Session, SessionRecord } from './session.ts';
import type { SessionStore } from './session-store.ts';
import { isSessionId, parseToken, type Token } from './token.ts';
import type { IssuedSession, TokenRotation } from './token-rotation.ts';
import type { TokenVerifier } from './token-verifier.ts';

/** The browser must prove that it has the key of the session: it must sign the challenge. */
export class ProofRequired {
  readonly session: Session;
  readonly challenge: string;
  readonly reason: ProofProblem;

  constructor(session: Session, challenge: string, reason: ProofProblem) {
    this.session = session;
    this.challenge = challenge;
    this.reason = reason;
  }
}

export interface BoundSessionsOptions {
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly namespace: string;
  readonly deadlines: Deadlines;
  readonly rotation: TokenRotation;
  readonly verifier: TokenVerifier;
}

/**
 * The rules of sessions that are bound to their devices (Device Bound Session Credentials, W3C draft). The binding
 * is a part of the record and is written by compare-and-set. Nothing but a sign-in makes an offer, so nobody who has
 * copied a token can bind a key.
 *
 * A method throws or rejects only if the store failed.
 */
export class BoundSessions {
  readonly #options: BoundSessionsOptions;

  constructor(options: BoundSessionsOptions) {
    this.#options = options;
  }

  /**
   * Binds a session to the key of a proof, and gives it a new token. The proof answers the challenge of the sign-in, which
   * leads to the session: the request needs no cookie.
   */
  async register(text: string): Promise<IssuedSession | AuthFailure> {
    const { store, clock, namespace, deadlines, rotation } = this.#options;
    const proof = parseProof(text);
    const challenge = proof && parseToken(proof.challenge);
    if (proof?.key === undefined || challenge === undefined) {
      return new AuthFailure('malformed proof');
    }
    const { key } = proof;
    return changeSession(store, clock, challenge.id, async (record, now) => {
      if (record.session.namespace !== namespace || !matchesOffer(record, challenge, now)) {
        return new AuthFailure('unknown challenge', record.session);
      }
      if (!isSignedBy(proof, key)) {
        return new AuthFailure('wrong signature', record.session);
      }
      const { offer: _, ...rest } = record;
      const binding = createBinding(key, now, deadlines.tokenExpiresAt(record.session, now));
      return rotation.rotate(record, { ...rest, binding, session: { ...record.session, bound: true } }, now);
    });
  }

  /**
   * Gives the bound session with this id a new token, if the proof answers a challenge for it. Without a proof, returns the
   * session as it is if one of the tokens of the request is still good: the browser asks early, and may sign only a few
   * challenges.
   */
  async refresh(
    id: string,
    proof: string | undefined,
    tokens: readonly string[],
  ): Promise<IssuedSession | Session | ProofRequired | AuthFailure> {
    const { store, clock, rotation, namespace } = this.#options;
    if (!isSessionId(id)) {
      return new AuthFailure('unknown session');
    }
    const opened = proof === undefined ? await this.#openedBy(id, tokens) : undefined;
    return (
      opened ??
      changeSession<IssuedSession | ProofRequired | AuthFailure>(store, clock, id, async (record, now) => {
        if (record.session.namespace !== namespace || record.binding === undefined) {
          return new AuthFailure('unknown session', { id });
        }
        const problem = proof === undefined ? 'no proof' : problemOf(proof, record, record.binding.key, now);
        return problem === undefined
          ? rotation.rotate(record, record, now)
          : new ProofRequired(record.session, issueChallenge(record, now), problem);
      })
    );
  }

  /** Returns the bound session with this id if one of the tokens opens it. */
  async #openedBy(id: string, tokens: readonly string[]): Promise<Session | undefined> {
    const { store, verifier } = this.#options;
    for (const token of tokens.map(parseToken)) {
      const found = token?.id === id ? await store.find(id) : undefined;
      const opened = found?.binding && (await verifier.open(token as Token, found));
      if (opened !== undefined && !(opened instanceof AuthFailure)) {
        return opened.record.session;
      }
    }
    return undefined;
  }
}

/** Why a proof does not give the session a new token. */
function problemOf(text: string, record: SessionRecord, key: PublicKey, now: Milliseconds): ProofProblem | undefined {
  const proof = parseProof(text);
  if (proof === undefined) {
    return 'malformed proof';
  }
  if (!isOpenChallenge(record, proof.challenge, now)) {
    return 'unknown challenge';
  }
  // The key in the proof is ignored: anybody can make one.
  return isSignedBy(proof, key) ? undefined : 'wrong signature';
}
