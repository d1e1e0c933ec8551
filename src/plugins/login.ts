import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { InvalidCredentials } from '../errors.ts';
import { keepClientAddresses } from '../http/client-address.ts';
import { ServiceCookie } from '../http/cookies.ts';
import { logEvent } from '../http/security-events.ts';
import { requirePackages } from '../packages.ts';
import type { Session } from '../sessions/session.ts';
import type { CreatedSession } from '../sessions/session-manager.ts';
import { type Credentials, SignInFailure } from '../users/authenticator.ts';
import { WORD_LIST } from '../users/password-policy.ts';
import type { UserRecord } from '../users/user-store.ts';
import { kLogin, rememberDevice, toText, verify } from './login-context.ts';
import { createAuthenticators, type LoginOptions, readLoginOptions, registerSessions } from './login-options.ts';
import { changeAtSignIn, changePassword, checkNewPassword, usePasswordLink } from './password-changes.ts';
import { assertClock, contextOf } from './session-context.ts';
import { logFields } from './session-outcomes.ts';
import { acceptOrRemove, createSession } from './session-replies.ts';

declare module 'fastify' {
  interface FastifyReply {
    /**
     * Signs a user in: verifies the password, starts a session like `startSession`, and sets the device cookie.
     * `credentials` is `{ username, password }`. It may be the body of a request that was not validated: a field that is
     * missing or not a string counts as wrong. With `newPassword` it also changes the password and ends all other sessions
     * of the user, which is necessary if the password has expired.
     * @throws InvalidCredentials (401); NewPasswordRefused (400); PasswordExpired (403); TooManyFailures (429); SignInBusy,
     * StoreFull or StoreUnavailable (503).
     */
    signIn(credentials: unknown): Promise<Session>;
    /**
     * Changes the password of the signed-in user, gives the session a new token and ends all other sessions of the user.
     * Use it behind `requireSession`. A value that is not a string counts as an empty one.
     * @throws NewPasswordRefused (400); WrongPassword (403); TooManyFailures (429); SignInBusy or StoreUnavailable (503).
     */
    changePassword(currentPassword: unknown, newPassword: unknown): Promise<Session>;
    /**
     * Sets the password of the user of a link, such as one of `createPasswordLink`, and ends all sessions of the user. The
     * link is used up. It signs nobody in. A value that is not a string counts as an empty one.
     * @throws PasswordLinkInvalid (403); NewPasswordRefused (400), the link stays valid; TooManyFailures (429); SignInBusy or
     * StoreUnavailable (503).
     */
    usePasswordLink(token: unknown, newPassword: unknown): Promise<void>;
  }
}

/**
 * Sign-in with a name and a password. Decorates replies with `signIn`, `changePassword` and `usePasswordLink`. Registers the plugin `sessions`
 * unless the app has done so.
 */
export const login = fp(registerLogin, { name: 'session-cookie-login/login', fastify: '5.x' });

async function registerLogin(app: FastifyInstance, options: LoginOptions): Promise<void> {
  if (Object.hasOwn(app, kLogin)) {
    throw new Error('The plugin login is registered twice in one scope. Register it once, or in a scope inside.');
  }
  const checked = readLoginOptions(options);
  assertClock('login', checked.clock);
  requirePackages('The plugin login', checked.passwords ? [WORD_LIST] : ['@node-rs/argon2', WORD_LIST]);
  await registerSessions(app, checked);
  keepClientAddresses(app);
  const { clock: clockOfSessions, cookie, namespace } = contextOf({ server: app }, 'login');
  const { clock = clockOfSessions, passwordMinLength, deviceCookie } = checked;
  claimSessions(app, checked.stores.users);
  const defaults = { name: 'device_token', secure: cookie.secure };
  if ((deviceCookie?.name ?? defaults.name) === cookie.baseName) {
    throw new TypeError(`login: the session cookie and the device cookie have the same name, ${cookie.baseName}.`);
  }
  // Not `decorate`: a scope inside another one with the plugin has its own.
  app[kLogin] = {
    ...(await createAuthenticators(app, clock, namespace, checked)),
    deviceCookie: await ServiceCookie.create(app, clock, defaults, deviceCookie),
    passwordMinLength,
    clock,
  };
  if (!app.hasReplyDecorator('signIn')) {
    app.decorateReply('signIn', signIn);
    app.decorateReply('changePassword', changePassword);
    app.decorateReply('usePasswordLink', usePasswordLink);
  }
}

/** Which users the sessions of a store and a namespace belong to, by the server. All scopes of an app have the same server. */
const claims = new WeakMap<object, { store: unknown; namespace: string; users: unknown }[]>();

/** @throws TypeError if the users of another login would be taken for those of this one: ids are unique in one store only. */
function claimSessions(app: FastifyInstance, users: unknown): void {
  const { store, namespace } = contextOf({ server: app }, 'login');
  const ofServer = claims.get(app.server) ?? [];
  if (ofServer.some((claim) => claim.store === store && claim.namespace === namespace && claim.users !== users)) {
    throw new TypeError(
      'login: a login with other users accepts the same sessions. Give this one sessions of its own, for example session: { cookie: { name: "admin_session" } }.',
    );
  }
  claims.set(app.server, [...ofServer, { store, namespace, users }]);
}

async function signIn(this: FastifyReply, value: unknown): Promise<Session> {
  const credentials = toCredentials(value);
  await checkNewPassword(this.request, credentials);
  const verified = await verify(this.request, credentials);
  if (verified instanceof SignInFailure) {
    throw new InvalidCredentials();
  }
  const user = await changeAtSignIn(this.request, verified.user, credentials);
  const issued = await createSession(this, { userId: user.id, username: user.username });
  let current = user;
  await acceptOrRemove(this, issued, async () => {
    current = await findStillAllowed(this.request, user, issued);
  });
  await this.server[kLogin].authenticator.recordSignIn(current, credentials.newPassword ?? credentials.password);
  rememberDevice(this, { ...verified, user });
  logEvent(this.request, 'authn_login_success', logFields(issued.session));
  return issued.session;
}

/** An empty new password is a field of a form that was left empty. */
function toCredentials(value: unknown): Credentials {
  const { username, password, newPassword } = Object(value);
  const next = toText(newPassword);
  return { username: toText(username), password: toText(password), ...(next !== '' && { newPassword: next }) };
}

/**
 * Disabling a user or changing a password updates the user first and revokes the sessions then. So a user who is read
 * after the session was created is either unchanged, or the new session is refused here. @throws InvalidCredentials
 */
async function findStillAllowed(
  request: FastifyRequest,
  user: UserRecord,
  { session: { username } }: CreatedSession,
): Promise<UserRecord> {
  const current = await request.server[kLogin].authenticator.findIfSessionsValid(user);
  if (current === undefined) {
    logEvent(request, 'authn_login_fail', { username, reason: 'no longer allowed' });
    throw new InvalidCredentials();
  }
  return current;
}
