import { createHmac, randomBytes } from 'node:crypto';
import { hashesMatch, hashSecret } from '../secrets.ts';
import type { Milliseconds } from '../types.ts';
import type { Binding, BindingOffer, PublicKey, SessionRecord } from './session.ts';
import { formatToken, generateToken, type Token } from './token.ts';

/** How long a browser may take to register a key after the sign-in. */
const OFFER_MS = 5 * 60 * 1000;
/** How long a browser may take to sign a challenge. */
const CHALLENGE_MS = 60 * 1000;

/**
 * An offer to bind the session with this id. The challenge goes to the browser. It has the form of a token, so that it leads
 * to the session without a cookie, and cannot be guessed.
 */
export function createOffer(id: string, now: Milliseconds): { offer: BindingOffer; challenge: string } {
  const challenge = generateToken(id);
  const offer = { challengeHash: hashSecret(challenge.secret), expiresAt: now + OFFER_MS };
  return { offer, challenge: formatToken(challenge) };
}

/** Whether a challenge is that of the offer of the session. */
export function matchesOffer({ offer }: SessionRecord, { secret }: Token, now: Milliseconds): boolean {
  return offer !== undefined && now < offer.expiresAt && hashesMatch(offer.challengeHash, hashSecret(secret));
}

export function createBinding(key: PublicKey): Omit<Binding, 'tokenExpiresAt'> {
  return { key, challengeKey: randomBytes(32).toString('base64url') };
}

const CHALLENGE = /^(\d{1,15})\.([\w-]{22})\.([\w-]{43})$/;

/**
 * A challenge for a refresh: when it expires, a random value, and a MAC. The store keeps nothing of it, so a stranger who
 * knows the id of a session can ask for any number. A refresh makes all challenges before it invalid, because the MAC
 * also covers the token.
 */
export function issueChallenge(record: SessionRecord, now: Milliseconds): string {
  const text = `${now + CHALLENGE_MS}.${randomBytes(16).toString('base64url')}`;
  return `${text}.${macOf(record, text)}`;
}

/** Whether a challenge was issued for the current token of the session, and has not expired. */
export function isOpenChallenge(record: SessionRecord, challenge: string, now: Milliseconds): boolean {
  const [, expiresAt, nonce, mac] = CHALLENGE.exec(challenge) ?? [];
  return mac !== undefined && now < Number(expiresAt) && hashesMatch(mac, macOf(record, `${expiresAt}.${nonce}`));
}

function macOf({ binding, secretHash }: SessionRecord, text: string): string {
  return createHmac('sha256', binding?.challengeKey as string)
    .update(`${secretHash}.${text}`)
    .digest('base64url');
}
