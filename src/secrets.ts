import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Returns a new secret: 256 bits from the CSPRNG, base64url. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * SHA-256 of a secret, base64url. A store keeps it in place of the secret. A fast hash is enough: 256 random bits cannot be
 * guessed (NIST SP 800-63B-4, section 5.1.1).
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
