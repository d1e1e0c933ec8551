import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Milliseconds } from '../sessions/record.ts';
import type { UserRecord } from '../stores/user-store.ts';

/**
 * A device token, `<id>.<issuedAt>.<mac>`: says that a browser has signed in as a user before, and no more. It opens
 * nothing. It is signed with the user's own version, which no one outside sees: a new password makes all of the user's
 * device tokens worthless, and there is no key to keep.
 * (OWASP, "Slow Down Online Guessing Attacks with Device Cookies".)
 */
const WELL_FORMED = /^([\w-]{22})\.(\d{1,15})\.([\w-]{43})$/;
const ID_BYTES = 16;

/** How long a browser is remembered: half a year, in seconds. */
export const DEVICE_TOKEN_SECONDS = 180 * 86_400;

type Signer = Pick<UserRecord, 'username' | 'version'>;

/** A token for a browser that has just signed in as the user: `id` is that of the token it had before, if any. */
export function issueDeviceToken(
  user: Signer,
  now: Milliseconds,
  id = randomBytes(ID_BYTES).toString('base64url'),
): string {
  return `${id}.${now}.${sign(user, id, String(now))}`;
}

/** The id in a device token of this user, or `undefined` if the token is none, another's or too old. */
export function readDeviceToken(text: string, user: Signer, now: Milliseconds): string | undefined {
  const [, id = '', issuedAt = '', mac = ''] = WELL_FORMED.exec(text) ?? [];
  const isOurs = timingSafeEqual(Buffer.from(mac.padEnd(43)), Buffer.from(sign(user, id, issuedAt)));
  return isOurs && now < Number(issuedAt) + DEVICE_TOKEN_SECONDS * 1000 ? id : undefined;
}

function sign({ username, version }: Signer, id: string, issuedAt: string): string {
  return createHmac('sha256', version)
    .update(JSON.stringify([username, id, issuedAt]))
    .digest('base64url');
}
