import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { canonicalAddress } from '../addresses.ts';
import { NewPasswordRefused, SignInRefused, TooManyFailures, WrongPassword } from '../errors.ts';
import { logEvent } from '../security-events.ts';
import type { Clock, Session } from '../sessions/record.ts';
import type { OpenFailureLimiter } from '../stores/failure-limiter.ts';
import { openMemoryFailureLimiter } from '../stores/memory/failure-limiter.ts';
import { timeBound, timeBoundFailureLimiter } from '../stores/time-bound.ts';
import type { UserRecord, UserStore } from '../stores/user-store.ts';
import { Authenticator, type Credentials, CredentialsRefused, type Proof } from '../users/authenticator.ts';
import { PasswordPolicy } from '../users/password-policy.ts';
import { PasswordHasher } from '../users/passwords.ts';
import { Throttle } from '../users/throttle.ts';
import { DeviceCookie } from './device-cookie.ts';
import { type CookieOptions, cookieSerializer } from './host-cookie.ts';

export interface UsersOptions {
  /** Where users are found, and where their passwords change. Yours is yours to close. */
  readonly store: Pick<UserStore, 'find' | 'replace'>;
  /** How long the store may take to answer, in milliseconds, before it counts as failed. Default 500. */
  readonly storeTimeoutMs?: number;
  /** Default: a hasher with a core to spare. */
  readonly passwords?: PasswordHasher;
  /** How many characters a new password has at least. Default 15. */
  readonly passwordMinLength?: number;
  /** Where failures are counted. Default: in this process. */
  readonly openFailureLimiter?: OpenFailureLimiter;
  /** Wrong passwords from one address, or one /64 of IPv6, within the window. Default 20. */
  readonly failuresPerAddress?: number;
  /** Wrong passwords for one user name within the window, and as many from a browser they signed in with. Default 10. */
  readonly failuresPerUser?: number;
  /** The window, in seconds from the first failure. Default 900. */
  readonly failureWindowSeconds?: number;
  /** The cookie by which a browser is known again. Its name is `device_token` by default. */
  readonly deviceCookie?: CookieOptions;
  /** Default `Date.now`. */
  readonly clock?: Clock;
}

declare module 'fastify' {
  interface FastifyReply {
    /**
     * Signs a user in: checks the password, starts a session, as `startSession` does, and remembers the browser.
     * @throws SignInRefused (401); TooManyFailures (429); SignInBusy, StoreFull or StoreUnavailable (503).
     */
    signIn(credentials: Credentials): Promise<Session>;
    /**
     * Gives the signed-in user another password and their session a fresh token; all their other sessions end. Behind
     * `requireSession`.
     * @throws NewPasswordRefused (400); WrongPassword (403); TooManyFailures (429); SignInBusy or StoreUnavailable (503).
     */
    changePassword(currentPassword: string, newPassword: string): Promise<Session>;
  }
}

/** The users who may sign in: decorates replies with `signIn` and `changePassword`. */
export const users = fp(registerUsers, { name: 'users', fastify: '5.x', dependencies: ['sessions'] });

async function registerUsers(app: FastifyInstance, options: UsersOptions): Promise<void> {
  const { clock = Date.now, passwordMinLength = 15 } = options;
  const authenticator = await createAuthenticator(app, clock, options);
  const policy = new PasswordPolicy({ minLength: passwordMinLength });
  const jar = new DeviceCookie(await cookieSerializer(app), clock, options.deviceCookie);

  app.decorateReply('signIn', async function (credentials) {
    const outcome = await verify(this, credentials);
    if (outcome instanceof CredentialsRefused) {
      throw new SignInRefused();
    }
    const session = await this.startSession(outcome.user.username, () =>
      authenticator.isUnchanged(outcome.user),
    );
    jar.write(this, outcome);
    logEvent(this.request, 'authn_login_success', about(session));
    return session;
  });

  app.decorateReply('changePassword', async function (currentPassword, newPassword) {
    const { username } = this.request.session;
    const objection = await policy.objectionTo(newPassword, username);
    if (objection !== undefined) {
      throw new NewPasswordRefused(objection);
    }
    const outcome = await verify(this, { username, password: currentPassword });
    const changed =
      outcome instanceof CredentialsRefused
        ? undefined
        : await authenticator.changePassword(outcome.user, newPassword);
    if (changed === undefined) {
      logEvent(this.request, 'authn_password_change_fail', about(this.request.session));
      throw new WrongPassword();
    }
    // Whatever happens to the sessions, the password has changed.
    logEvent(this.request, 'authn_password_change', about(this.request.session));
    const session = await this.renewSessionAlone('password changed');
    jar.write(this, { ...(outcome as Proof), user: changed });
    return session;
  });

  async function verify(reply: FastifyReply, credentials: Credentials): Promise<Proof | CredentialsRefused> {
    const { request } = reply;
    const origin = { address: canonicalAddress(request.ip), deviceTokens: jar.read(request) };
    const outcome = await authenticator.verify(credentials, origin).catch((error) => {
      if (error instanceof TooManyFailures) {
        logThrottled(request, error);
      }
      throw error;
    });
    if (outcome instanceof CredentialsRefused) {
      logRefused(request, outcome);
    }
    return outcome;
  }
}

function createAuthenticator(
  app: FastifyInstance,
  clock: Clock,
  options: UsersOptions,
): Promise<Authenticator> {
  const { store, storeTimeoutMs = 500, passwords = new PasswordHasher() } = options;
  const { failuresPerAddress = 20, failuresPerUser = 10, failureWindowSeconds = 900 } = options;
  const { openFailureLimiter = openMemoryFailureLimiter } = options;
  const bound = timeBound(storeTimeoutMs);
  return Authenticator.create({
    users: {
      find: bound((username: string) => store.find(username)),
      replace: bound((next: UserRecord, expectedVersion: string) => store.replace(next, expectedVersion)),
    },
    passwords,
    throttle: new Throttle({
      openLimiter: (name, windowSeconds) =>
        timeBoundFailureLimiter(openFailureLimiter(name, windowSeconds), storeTimeoutMs),
      failuresPerAddress,
      failuresPerUser,
      windowSeconds: failureWindowSeconds,
    }),
    clock,
    onRenewalError: (err) => app.log.warn({ err }, "the hash of a user's password could not be renewed"),
  });
}

function logRefused(request: FastifyRequest, { username, reason, reached }: CredentialsRefused): void {
  logEvent(request, 'authn_login_fail', { username, reason });
  if (reached.length > 0) {
    logEvent(request, 'authn_login_fail_max', { username, limit: reached.join(' ') });
  }
}

function logThrottled(request: FastifyRequest, { username, limits }: TooManyFailures): void {
  logEvent(request, 'excess_rate_limit_exceeded', { username, limit: limits.join(' ') });
}

function about({ id, username }: Session): { sessionId: string; username: string } {
  return { sessionId: id, username };
}
