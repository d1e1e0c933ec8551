import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { InvalidCredentials, NewPasswordRefused, TooManyFailures, WrongPassword } from '../errors.ts';
import { canonicalAddress, keepClientAddresses } from '../http/client-address.ts';
import { COOKIE_OPTIONS, type CookieOptions, ServiceCookie } from '../http/cookies.ts';
import { logEvent } from '../http/security-events.ts';
import { requirePackages } from '../packages.ts';
import type { Session } from '../sessions/session.ts';
import type { IssuedSession } from '../sessions/session-manager.ts';
import { objectWith, optionalFunction, readOptions, settings } from '../settings.ts';
import { openMemoryFailureCounter } from '../stores/memory/failure-counter.ts';
import { timeBoundFailureCounter, timeBoundUsers } from '../stores/time-bound.ts';
import type { Clock } from '../types.ts';
import { Authenticator, type Credentials, SignInFailure, type VerifiedUser } from '../users/authenticator.ts';
import { DEVICE_TOKEN_SECONDS, issueDeviceToken } from '../users/device-token.ts';
import type { OpenFailureCounter } from '../users/failure-counter.ts';
import { validatePassword, WORD_LIST } from '../users/password-policy.ts';
import { PasswordHasher } from '../users/passwords.ts';
import { Throttle } from '../users/throttle.ts';
import type { UserRecord, UserStore } from '../users/user-store.ts';
import { acceptSession, createSession, kContext } from './session-decorators.ts';
import { logFields } from './session-outcomes.ts';

export interface LoginOptions {
  /** Where users are found and their passwords are changed. You must close it. */
  readonly store: Pick<UserStore, 'find' | 'replace'>;
  /** How long the store may take to answer, in milliseconds, before a request is answered 503. Default 500. */
  readonly storeTimeoutMs?: number;
  /** Default: a hasher that leaves one core free. */
  readonly passwords?: PasswordHasher;
  /** The minimum length of a new password, in characters. Default 15. */
  readonly passwordMinLength?: number;
  /** Where failed sign-ins are counted. Default: in this process. */
  readonly openFailureCounter?: OpenFailureCounter;
  /** Wrong passwords within the window for one address, or one /64 of IPv6. Default 20. */
  readonly failuresPerAddress?: number;
  /** Wrong passwords within the window for one user name, and as many for a browser that the user has used. Default 10. */
  readonly failuresPerUser?: number;
  /** The length of the window, in seconds from the first failure. Default 900. */
  readonly failureWindowSeconds?: number;
  /** The cookie that identifies a browser which has signed in before. Its name is `device_token` by default. */
  readonly deviceCookie?: CookieOptions;
  /** Default `Date.now`. */
  readonly clock?: Clock;
}

type CheckedOptions = ReturnType<typeof readOptions<typeof OPTIONS, LoginOptions>>;

interface LoginContext {
  readonly authenticator: Authenticator;
  readonly deviceCookie: ServiceCookie;
  readonly passwordMinLength: number;
  readonly clock: Clock;
}

const kLogin = Symbol('login');

declare module 'fastify' {
  interface FastifyInstance {
    [kLogin]: LoginContext;
  }

  interface FastifyReply {
    /**
     * Signs a user in: verifies the password, starts a session like `startSession`, and sets the device cookie.
     * @throws InvalidCredentials (401); TooManyFailures (429); SignInBusy, StoreFull or StoreUnavailable (503).
     */
    signIn(credentials: Credentials): Promise<Session>;
    /**
     * Changes the password of the signed-in user, gives the session a new token and ends all other sessions of the user.
     * Use it behind `requireSession`.
     * @throws NewPasswordRefused (400); WrongPassword (403); TooManyFailures (429); SignInBusy or StoreUnavailable (503).
     */
    changePassword(currentPassword: string, newPassword: string): Promise<Session>;
  }
}

const OPTIONS = {
  store: objectWith('find', 'replace'),
  storeTimeoutMs: settings.storeTimeoutMs,
  passwords: Type.Optional(objectWith('hash', 'verify')),
  passwordMinLength: settings.passwordMinLength,
  openFailureCounter: optionalFunction,
  failuresPerAddress: settings.failuresPerAddress,
  failuresPerUser: settings.failuresPerUser,
  failureWindowSeconds: settings.failureWindowSeconds,
  deviceCookie: COOKIE_OPTIONS,
  clock: optionalFunction,
};

/** Sign-in with a name and a password. Decorates replies with `signIn` and `changePassword`. */
export const login = fp(registerLogin, {
  name: 'session-cookie-login/login',
  fastify: '5.x',
  dependencies: ['session-cookie-login/sessions'],
});

async function registerLogin(app: FastifyInstance, options: LoginOptions): Promise<void> {
  const checked = readOptions('login', OPTIONS, options);
  requirePackages('The plugin login', checked.passwords ? [WORD_LIST] : ['@node-rs/argon2', WORD_LIST]);
  keepClientAddresses(app);
  const { clock = Date.now, passwordMinLength } = checked;
  app.decorate(kLogin, {
    authenticator: await createAuthenticator(app, clock, checked),
    deviceCookie: await ServiceCookie.create(app, clock, 'device_token', checked.deviceCookie),
    passwordMinLength,
    clock,
  });
  app.decorateReply('signIn', signIn);
  app.decorateReply('changePassword', changePassword);
}

async function signIn(this: FastifyReply, credentials: Credentials): Promise<Session> {
  const verified = await verify(this.request, credentials);
  if (verified instanceof SignInFailure) {
    throw new InvalidCredentials();
  }
  const { user } = verified;
  const issued = await createSession(this, user.username);
  try {
    await assertStillAllowed(this.request, user, issued);
    await acceptSession(this, issued);
  } catch (error) {
    await this.server[kContext].manager.discard(issued);
    throw error;
  }
  rememberDevice(this, verified);
  logEvent(this.request, 'authn_login_success', logFields(issued.session));
  return issued.session;
}

/**
 * Disabling a user or changing a password updates the user first and revokes the sessions then. So a user who is read
 * after the session was created is either unchanged, or the new session is refused here.
 */
async function assertStillAllowed(request: FastifyRequest, user: UserRecord, { session }: IssuedSession) {
  if (!(await request.server[kLogin].authenticator.isUnchanged(user))) {
    const { username } = session;
    logEvent(request, 'authn_login_fail', { username, reason: 'no longer allowed' });
    throw new InvalidCredentials();
  }
}

async function changePassword(this: FastifyReply, current: string, next: string): Promise<Session> {
  const { request } = this;
  const { authenticator, passwordMinLength } = this.server[kLogin];
  const { username } = request.session;
  const problem = await validatePassword(next, username, passwordMinLength);
  if (problem !== undefined) {
    throw new NewPasswordRefused(problem);
  }
  const verified = await verify(request, { username, password: current });
  const user = verified instanceof SignInFailure ? undefined : await authenticator.changePassword(verified.user, next);
  if (verified instanceof SignInFailure || user === undefined) {
    logEvent(request, 'authn_password_change_fail', logFields(request.session));
    throw new WrongPassword();
  }
  // The password has changed, also if revoking the sessions fails.
  logEvent(request, 'authn_password_change', logFields(request.session));
  const session = await this.rotateAndRevokeOthers('password changed');
  rememberDevice(this, { ...verified, user });
  return session;
}

/** The most device cookies of one request that are verified. */
const MAX_DEVICE_TOKENS = 5;

async function verify(request: FastifyRequest, credentials: Credentials): Promise<VerifiedUser | SignInFailure> {
  const { authenticator, deviceCookie } = request.server[kLogin];
  const client = {
    address: canonicalAddress(request.ip),
    deviceTokens: deviceCookie.read(request).slice(0, MAX_DEVICE_TOKENS),
  };
  try {
    const outcome = await authenticator.verify(credentials, client);
    if (outcome instanceof SignInFailure) {
      logSignInFailure(request, outcome);
    }
    return outcome;
  } catch (error) {
    if (error instanceof TooManyFailures) {
      const { username, limits } = error;
      logEvent(request, 'excess_rate_limit_exceeded', { username, limit: limits.join(' ') });
    }
    throw error;
  }
}

function logSignInFailure(request: FastifyRequest, { username, reason, limitsHit }: SignInFailure): void {
  logEvent(request, 'authn_login_fail', { username, reason });
  if (limitsHit.length > 0) {
    logEvent(request, 'authn_login_fail_max', { username, limit: limitsHit.join(' ') });
  }
}

/** Sets the cookie that identifies this browser at the user's next sign-in. */
function rememberDevice(reply: FastifyReply, { user, deviceId }: VerifiedUser): void {
  const { clock, deviceCookie } = reply.server[kLogin];
  const now = clock();
  deviceCookie.write(reply, issueDeviceToken(user, now, deviceId), now + DEVICE_TOKEN_SECONDS * 1000);
}

function createAuthenticator(app: FastifyInstance, clock: Clock, options: CheckedOptions): Promise<Authenticator> {
  const { store, storeTimeoutMs, passwords = new PasswordHasher() } = options;
  const { openFailureCounter = openMemoryFailureCounter } = options;
  return Authenticator.create({
    users: timeBoundUsers(store, storeTimeoutMs, app.log),
    passwords,
    throttle: new Throttle({
      openCounter: (name, windowSeconds) =>
        timeBoundFailureCounter(openFailureCounter(name, windowSeconds), storeTimeoutMs, app.log),
      failuresPerAddress: options.failuresPerAddress,
      failuresPerUser: options.failuresPerUser,
      windowSeconds: options.failureWindowSeconds,
    }),
    clock,
    log: app.log,
  });
}
