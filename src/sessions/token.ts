import { randomBytes } from 'node:crypto';
import { newSecret } from '../secrets.ts';

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
const TOKEN = /^([\w-]{22})\.([\w-]{43})$/;
const ID = /^[\w-]{22}$/;

/** A token for a new session, or a new secret for the session with the given id. */
export function generateToken(id = randomBytes(ID_BYTES).toString('base64url')): Token {
  return { id, secret: newSecret() };
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
