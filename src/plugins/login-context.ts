import type { FastifyReply, FastifyRequest } from 'fastify';
import { TooManyFailures } from '../errors.ts';
import { canonicalAddress } from '../http/client-address.ts';
import type { ServiceCookie } from '../http/cookies.ts';
import { logEvent } from '../http/security-events.ts';
import type { Clock } from '../types.ts';
import { type Authenticator, type Credentials, SignInFailure, type VerifiedUser } from '../users/authenticator.ts';
import { DEVICE_TOKEN_SECONDS, issueDeviceToken } from '../users/device-token.ts';
import type { PasswordLinks } from '../users/password-links.ts';

/** What the actions of the plugin `login` need. */
export interface LoginContext {
  readonly authenticator: Authenticator;
  readonly links: PasswordLinks;
  readonly deviceCookie: ServiceCookie;
  readonly passwordMinLength: number;
  readonly clock: Clock;
}

export const kLogin = Symbol('login');

declare module 'fastify' {
  interface FastifyInstance {
    [kLogin]: LoginContext;
  }
}

/** What is missing or not a string becomes an empty string: it is answered, counted and logged like a wrong value. */
export function toText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The most device cookies of one request that are verified. */
const MAX_DEVICE_TOKENS = 5;

/** Verifies credentials within the limits, and logs a failure. */
export async function verify(request: FastifyRequest, credentials: Credentials): Promise<VerifiedUser | SignInFailure> {
  const { authenticator, deviceCookie } = request.server[kLogin];
  const client = {
    address: canonicalAddress(request.ip),
    deviceTokens: deviceCookie.read(request).slice(0, MAX_DEVICE_TOKENS),
  };
  const outcome = await logLimits(request, authenticator.verify(credentials, client));
  if (outcome instanceof SignInFailure) {
    logSignInFailure(request, outcome);
  }
  return outcome;
}

/** Logs a check that a rate limit has prevented. */
export async function logLimits<T>(request: FastifyRequest, check: Promise<T>): Promise<T> {
  try {
    return await check;
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
export function rememberDevice(reply: FastifyReply, { user, deviceId }: VerifiedUser): void {
  const { clock, deviceCookie } = reply.server[kLogin];
  const now = clock();
  deviceCookie.write(reply, issueDeviceToken(user, now, deviceId), now + DEVICE_TOKEN_SECONDS * 1000);
}
