import { hashesMatch, hashSecret, newSecret } from '../secrets.ts';
import type { Milliseconds } from '../types.ts';
import { changeIfSessionsValid, nextVersion } from './user-changes.ts';
import { findByName, keyOf, type PasswordLink, type UserRecord, type UserStore } from './user-store.ts';

/** A link with this token lets a user set a password once. The store has only a hash of it. */
export interface LinkToken {
  /** `<key>.<secret>`, both base64url. The secret has 256 random bits. */
  readonly token: string;
  readonly expiresAt: Milliseconds;
}

const WELL_FORMED = /^([\w-]{1,1400})\.([\w-]{43})$/;
/** OWASP Forgot Password Cheat Sheet: tokens are single use and expire after a short time. */
const LINK_MS = 3_600_000;

/** Returns a password that nobody knows, for a user who is to set one with a link. */
export function randomPassword(): string {
  return newSecret();
}

/** Returns the user with a link in place of an earlier one, and the token of the link. */
export function withLink(user: UserRecord, now: Milliseconds): LinkToken & { readonly user: UserRecord } {
  const secret = newSecret();
  const expiresAt = now + LINK_MS;
  const passwordLink = { ...user.passwordLink, secretHash: hashSecret(secret), expiresAt };
  const token = `${Buffer.from(keyOf(user)).toString('base64url')}.${secret}`;
  return { token, expiresAt, user: { ...user, passwordLink, version: nextVersion(user) } };
}

/** Returns a new user with a link. Until the user sets a password, later links are those of an invited user as well. */
export function withInvitation(user: UserRecord, now: Milliseconds): LinkToken & { readonly user: UserRecord } {
  const { user: withFirst, ...link } = withLink(user, now);
  const passwordLink = { ...(withFirst.passwordLink as PasswordLink), isInvitation: true } as const;
  return { ...link, user: { ...withFirst, passwordLink } };
}

/** Returns the user without a link. */
export function withoutLink({ passwordLink: _, ...user }: UserRecord): UserRecord {
  return user;
}

/**
 * Gives a user a link to set a password, for example after the app has verified a mail address. An earlier link becomes
 * invalid. Returns `undefined` if the user does not exist or is disabled.
 */
export async function createPasswordLink(
  users: Pick<UserStore, 'find' | 'replace'>,
  username: string,
  now: Milliseconds = Date.now(),
): Promise<LinkToken | undefined> {
  const found = await findByName(users, username);
  if (found === undefined || found.disabled) {
    return undefined;
  }
  let link: LinkToken | undefined;
  const changed = await changeIfSessionsValid(users, found, (current) => {
    const { user, ...created } = withLink(current, now);
    link = created;
    return user;
  });
  return changed && link;
}

/** Why a link is invalid. It is for the log: the client must not learn it. */
export class LinkFailure {
  readonly reason: 'unknown link' | 'expired link' | 'disabled user';
  /** The name of the user, if the link is or was one of this user. */
  readonly username: string | undefined;

  constructor(reason: LinkFailure['reason'], user?: UserRecord) {
    this.reason = reason;
    this.username = user?.username;
  }
}

/** Returns the user of a token. The look-up is by the key; the hash of the secret is compared in constant time. */
export async function findByLink(
  users: Pick<UserStore, 'find'>,
  token: string,
  now: Milliseconds,
): Promise<UserRecord | LinkFailure> {
  const [, key, secret = ''] = WELL_FORMED.exec(token) ?? [];
  const user = key === undefined ? undefined : await users.find(Buffer.from(key, 'base64url').toString());
  const link = user?.passwordLink;
  if (user === undefined || link === undefined || !hashesMatch(link.secretHash, hashSecret(secret))) {
    return new LinkFailure('unknown link');
  }
  if (user.disabled) {
    return new LinkFailure('disabled user', user);
  }
  return link.expiresAt > now ? user : new LinkFailure('expired link', user);
}
