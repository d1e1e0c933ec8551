import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  InvalidCredentials,
  NewPasswordRefused,
  PasswordExpired,
  PasswordLinkInvalid,
  WrongPassword,
} from '../errors.ts';
import { canonicalAddress } from '../http/client-address.ts';
import { type EventDetails, logEvent } from '../http/security-events.ts';
import type { Session } from '../sessions/session.ts';
import { type Credentials, SignInFailure } from '../users/authenticator.ts';
import { LinkFailure } from '../users/password-link.ts';
import { validatePassword } from '../users/password-policy.ts';
import { orEndSessions } from '../users/user-changes.ts';
import type { UserRecord } from '../users/user-store.ts';
import { kLogin, logLimits, rememberDevice, toText, verify } from './login-context.ts';
import { contextOf } from './session-context.ts';
import { logFields } from './session-outcomes.ts';
import { sessionOf } from './session-requests.ts';

/** Changes the password of the signed-in user. It is `reply.changePassword`. */
export async function changePassword(
  this: FastifyReply,
  currentPassword: unknown,
  newPassword: unknown,
): Promise<Session> {
  const { request } = this;
  const [current, next] = [toText(currentPassword), toText(newPassword)];
  const session = sessionOf(request);
  const { username, userId } = session;
  await assertAccepted(request, next, username);
  const verified = await verify(request, { username, password: current });
  // Another user may have got the name if the session's user was renamed.
  const isSame = !(verified instanceof SignInFailure) && verified.user.id === userId;
  const { authenticator } = this.server[kLogin];
  const { userSessions } = contextOf(request, 'login');
  const user = isSame
    ? await orEndSessions(authenticator.changePassword(verified.user, next), () => userSessions.revokeOthers(session))
    : undefined;
  if (!isSame || user === undefined) {
    logEvent(request, 'authn_password_change_fail', logFields(session));
    throw new WrongPassword();
  }
  // The password has changed, also if revoking the sessions fails.
  logEvent(request, 'authn_password_change', logFields(session));
  const renewed = await this.rotateAndRevokeOthers('password changed');
  rememberDevice(this, { ...verified, user });
  return renewed;
}

/**
 * Checks the new password of a sign-in, before the credentials are verified: the reply does not depend on the user.
 * @throws NewPasswordRefused
 */
export async function checkNewPassword(request: FastifyRequest, credentials: Credentials): Promise<void> {
  const { username, password, newPassword } = credentials;
  if (newPassword === undefined) {
    return;
  }
  await assertAccepted(request, newPassword, username);
  if (newPassword === password) {
    throw new NewPasswordRefused('The new password must differ from the current one.');
  }
}

/**
 * Changes the password of a user who signs in and sends a new one. Returns the user to sign in.
 * @throws PasswordExpired if the user must send a new one; InvalidCredentials if the user has changed meanwhile.
 */
export async function changeAtSignIn(
  request: FastifyRequest,
  user: UserRecord,
  { newPassword }: Credentials,
): Promise<UserRecord> {
  const { username } = user;
  if (newPassword === undefined) {
    if (user.passwordExpired) {
      logEvent(request, 'authn_login_fail', { username, reason: 'password expired' });
      throw new PasswordExpired();
    }
    return user;
  }
  const { authenticator } = request.server[kLogin];
  const change: Change = (beforeChange) => authenticator.changePassword(user, newPassword, beforeChange);
  const changed = await changeAndEndSessions(request, user, change);
  if (changed === undefined) {
    logEvent(request, 'authn_login_fail', { username, reason: 'no longer allowed' });
    throw new InvalidCredentials();
  }
  return changed;
}

/** Sets a password with a link. It is `reply.usePasswordLink`. */
export async function usePasswordLink(this: FastifyReply, token: unknown, newPassword: unknown): Promise<void> {
  const { request } = this;
  const { links } = this.server[kLogin];
  const password = toText(newPassword);
  const verified = await logLimits(request, links.verify(toText(token), canonicalAddress(request.ip)));
  if (verified instanceof LinkFailure) {
    throw invalidLink(request, verified);
  }
  await assertAccepted(request, password, verified.username);
  const change: Change = (beforeChange) => links.use(verified, password, beforeChange);
  if ((await changeAndEndSessions(request, verified, change, { reason: 'link' })) === undefined) {
    throw invalidLink(request, new LinkFailure('unknown link', verified));
  }
}

function invalidLink(request: FastifyRequest, { username, reason }: LinkFailure): Error {
  logEvent(request, 'authn_password_change_fail', { username, reason });
  return new PasswordLinkInvalid();
}

/** @throws NewPasswordRefused */
async function assertAccepted(request: FastifyRequest, password: string, username: string): Promise<void> {
  const problem = await validatePassword(password, username, request.server[kLogin].passwordMinLength);
  if (problem !== undefined) {
    throw new NewPasswordRefused(problem);
  }
}

type Change = (beforeChange: () => Promise<void>) => Promise<UserRecord | undefined>;

/**
 * Changes the password of a user and ends all sessions, before and after the change. Before, because the store can fail at any
 * later step, and the password or the link that the user sends again is then used up. After, because a sign-in may have started
 * a session meanwhile.
 */
async function changeAndEndSessions(
  request: FastifyRequest,
  { id: userId, username }: UserRecord,
  change: Change,
  details: EventDetails = {},
): Promise<UserRecord | undefined> {
  const { userSessions, namespace } = contextOf(request, 'login');
  let count = 0;
  const end = async () => {
    count += await userSessions.revokeAll({ namespace, userId });
  };
  try {
    const changed = await orEndSessions(change(end), end);
    if (changed !== undefined) {
      logEvent(request, 'authn_password_change', { username, ...details });
      await end();
    }
    return changed;
  } finally {
    if (count > 0) {
      logEvent(request, 'session_expired', { username, count, reason: 'password changed' });
    }
  }
}
