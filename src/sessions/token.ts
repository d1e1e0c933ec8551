import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * A session token, `<id>.<secret>`: 128 and 256 bits from the CSPRNG, both base64url. OWASP requires at least 64 bits of
 * entropy (Session Management Cheat Sheet, "Session ID Entropy").
 * The id is the public name of the session. A client that sends the secret is authenticated.
 */
export interface Token {
  readonly id: string;
  readonly secret: string;
}

const ID_BYTES = 16;
const SECRET_BYTES = 32;
const TOKEN = /^([\w-]{22})\.([\w-]{43})$/;
const ID = /^[\w-]{22}$/;

/** A token for a new session, or a new secret for the session with the given id. */
export function generateToken(id = randomBytes(ID_BYTES).toString('base64url')): Token {
  return { id, secret: randomBytes(SECRET_BYTES).toString('base64url') };
}

/** The token as text: the value of the cookie. */
export function formatToken({ id, secret }: Token): string {
  return `${id}.${secret}`;
}

/** Parses a token. Returns `undefined` if the text is not well formed. */
export function parseToken(text: string): Token | undefined {
  const [, id, secret] = TOKEN.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** Whether the text has the form of a session id. */
export function isSessionId(text: string): boolean {
  return ID.test(text);
}

/**
 * SHA-256 of a secret, base64url. The store keeps it in place of the secret. A fast hash is enough: 256 random bits
 * cannot be guessed (NIST SP 800-63B-4, section 5.1.1).
 */
export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'base64url');
}

/** Whether two hashes are equal, compared in constant time. */
export function hashesMatch(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
