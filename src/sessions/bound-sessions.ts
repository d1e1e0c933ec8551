import type { Clock, Milliseconds } from '../types.ts';
import { AuthFailure, type ProofProblem } from './auth-failure.ts';
import { createBinding, isOpenChallenge, issueChallenge, matchesOffer } from './binding.ts';
import { changeSession } from './change-session.ts';
import { isSignedBy, parseProof } from './device-proof.ts';
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

export type RefreshOutcome = IssuedSession | Session | ProofRequired | AuthFailure;

export interface BoundSessionsOptions {
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly namespace: string;
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
    const { store, clock, namespace, rotation } = this.#options;
    const proof = parseProof(text);
    const challenge = proof && parseToken(proof.challenge);
    if (proof?.key === undefined || challenge === undefined) {
      return new AuthFailure('malformed proof');
    }
    const { key } = proof;
    return changeSession<IssuedSession | AuthFailure>(store, clock, challenge.id, async (record, now) => {
      const { offer: _, ...rest } = record;
      const { session } = record;
      if (session.namespace !== namespace || !matchesOffer(record, challenge, now)) {
        return new AuthFailure('unknown offer', session);
      }
      if (!isSignedBy(proof, key)) {
        return new AuthFailure('wrong signature', session);
      }
      const binding = createBinding(key);
      return rotation.rotate(record, { ...rest, binding, session: { ...session, bound: true } }, now);
    });
  }

  /**
   * Gives the bound session with this id a new token, if the proof answers a challenge for it. Without a proof, returns the
   * session as it is if one of the tokens of the request is still good: the browser asks early, and may sign only a few
   * challenges. If a token opens a later session, the user has signed in again, and the browser must not go back.
   */
  async refresh(id: string, proof: string | undefined, texts: readonly string[]): Promise<RefreshOutcome> {
    const { store, clock, rotation, namespace, verifier } = this.#options;
    if (!isSessionId(id)) {
      return new AuthFailure('unknown session');
    }
    const tokens = texts.map(parseToken).filter((token) => token !== undefined);
    const others = await this.#sessionsOf(tokens.filter((token) => token.id !== id));
    return changeSession<RefreshOutcome>(store, clock, id, async (record, now) => {
      const { session, binding } = record;
      if (session.namespace !== namespace || binding === undefined) {
        return new AuthFailure('unknown session', { id });
      }
      if (others.some(({ createdAt }) => createdAt >= session.createdAt)) {
        return new AuthFailure('another session', session);
      }
      if (proof === undefined && tokens.some((token) => verifier.opensBound(record, token))) {
        return session;
      }
      const problem = proof === undefined ? 'no proof' : problemOf(proof, record, binding.key, now);
      return problem === undefined
        ? rotation.rotate(record, record, now)
        : new ProofRequired(session, issueChallenge(record, now), problem);
    });
  }

  /** The live sessions that the tokens open. */
  async #sessionsOf(tokens: readonly Token[]): Promise<Session[]> {
    const { store, verifier } = this.#options;
    const outcomes = await Promise.all(tokens.map(async (token) => verifier.open(token, await store.find(token.id))));
    return outcomes.flatMap((outcome) => (outcome instanceof AuthFailure ? [] : [outcome.record.session]));
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
