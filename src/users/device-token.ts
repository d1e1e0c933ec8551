import { createHmac, randomBytes } from 'node:crypto';
import { hashesMatch } from '../secrets.ts';
import type { Milliseconds } from '../types.ts';
import { sessionVersionOf } from './user-changes.ts';
import type { UserRecord } from './user-store.ts';

/**
 * A device token, `<id>.<issuedAt>.<mac>`, proves that a browser has signed in as a user before. It grants no access:
 * it only selects the rate limit of the next sign-in (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
 * The key of the MAC is the secret session version of the user record. A password change therefore invalidates all device
 * tokens of the user, and no other key must be stored.
 */
const WELL_FORMED = /^([\w-]{22})\.(\d{1,15})\.([\w-]{43})$/;
const ID_BYTES = 16;

/** The lifetime of a device token: 180 days. */
export const DEVICE_TOKEN_SECONDS = 180 * 86_400;

type Signer = Pick<UserRecord, 'id' | 'version'>;

/** Returns a token for a browser that just signed in as the user. Pass the `id` of its previous token, if any. */
export function issueDeviceToken(
  user: Signer,
  now: Milliseconds,
  id = randomBytes(ID_BYTES).toString('base64url'),
): string {
  return `${id}.${now}.${sign(user, id, String(now))}`;
}

/** Returns the id in a device token, or `undefined` if the token is malformed, expired or not of this user. */
export function readDeviceToken(text: string, user: Signer, now: Milliseconds): string | undefined {
  const [, id = '', issuedAt = '', mac = ''] = WELL_FORMED.exec(text) ?? [];
  const isOurs = hashesMatch(mac, sign(user, id, issuedAt));
  return isOurs && now < Number(issuedAt) + DEVICE_TOKEN_SECONDS * 1000 ? id : undefined;
}

function sign(user: Signer, id: string, issuedAt: string): string {
  return createHmac('sha256', sessionVersionOf(user))
    .update(JSON.stringify([user.id, id, issuedAt]))
    .digest('base64url');
}
