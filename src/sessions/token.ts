import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * A session token, `<id>.<secret>`: 128 and 256 bits from the CSPRNG, both base64url.
 * OWASP asks for 64 bits of entropy at least (Session Management Cheat Sheet, "Session ID Entropy").
 * The id is the session's public name; whoever knows the secret holds the session.
 */
export interface Token {
  readonly id: string;
  readonly secret: string;
}

const ID_BYTES = 16;
const SECRET_BYTES = 32;
const WELL_FORMED = /^([\w-]{22})\.([\w-]{43})$/;
const WELL_FORMED_ID = /^[\w-]{22}$/;

/** A token for a new session or, given an id, a new secret for the session of that id. */
export function mintToken(id = randomBytes(ID_BYTES).toString('base64url')): Token {
  return { id, secret: randomBytes(SECRET_BYTES).toString('base64url') };
}

/** The token's one text form, the value of the cookie. */
export function formatToken({ id, secret }: Token): string {
  return `${id}.${secret}`;
}

/** The token that a text spells, or `undefined` if the text is not well formed. */
export function parseToken(text: string): Token | undefined {
  const [, id, secret] = WELL_FORMED.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** Whether a text can be the id of a session. */
export function isSessionId(text: string): boolean {
  return WELL_FORMED_ID.test(text);
}

/**
 * SHA-256 of a secret, base64url: what the store keeps in place of the secret.
 * A fast hash is enough for 256 random bits: there is nothing to guess (NIST SP 800-63B-4, section 5.1.1).
 */
export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'base64url');
}

/** Whether two hashes are equal, in a time that does not depend on where they differ. */
export function hashesMatch(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
