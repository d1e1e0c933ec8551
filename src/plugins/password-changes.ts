import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  InvalidCredentials,
  NewPasswordRefused,
  PasswordExpired,
  PasswordLinkInvalid,
  WrongPassword,
} from '../errors.ts';
import { canonicalAddress } from '../http/client-address.ts';
import { logEvent } from '../http/security-events.ts';
import type { Session } from '../sessions/session.ts';
import { type Credentials, SignInFailure } from '../users/authenticator.ts';
import { LinkFailure } from '../users/password-link.ts';
import { validatePassword } from '../users/password-policy.ts';
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
  const user = isSame ? await authenticator.changePassword(verified.user, next) : undefined;
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
  const changed = await request.server[kLogin].authenticator.changePassword(user, newPassword);
  if (changed === undefined) {
    logEvent(request, 'authn_login_fail', { username, reason: 'no longer allowed' });
    throw new InvalidCredentials();
  }
  logEvent(request, 'authn_password_change', { username });
  await endSessions(request, user);
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
  const user = await links.use(verified, password);
  if (user === undefined) {
    throw invalidLink(request, new LinkFailure('unknown link', verified));
  }
  logEvent(request, 'authn_password_change', { username: user.username, reason: 'link' });
  await endSessions(request, user);
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

/** Ends all sessions of a user whose password has changed. */
async function endSessions(request: FastifyRequest, { id: userId, username }: UserRecord): Promise<void> {
  const { userSessions, namespace } = contextOf(request, 'login');
  const count = await userSessions.revokeAll({ namespace, userId });
  if (count > 0) {
    logEvent(request, 'session_expired', { username, count, reason: 'password changed' });
  }
}
