import type { FastifyReply, FastifyRequest } from 'fastify';
import { Unauthenticated } from '../errors.ts';
import type { ServiceCookie } from '../http/cookies.ts';
import { type EventDetails, logEvent } from '../http/security-events.ts';
import { AuthFailure, type AuthFailureReason } from '../sessions/auth-failure.ts';
import type { Session } from '../sessions/session.ts';

/** A reply that depends on a session must not be stored by a cache (RFC 9111, section 5.2.2.5). */
export function forbidCaching(reply: FastifyReply): void {
  reply.header('cache-control', 'no-store');
}

/** The token of the request. @throws Unauthenticated (401) unless there is exactly one. */
export function singleToken(request: FastifyRequest, cookie: ServiceCookie): string {
  const tokens = cookie.read(request);
  if (tokens.length !== 1) {
    throw unauthenticated(request, tokens.length === 0 ? 'no session cookie' : 'several session cookies');
  }
  return tokens[0] as string;
}

/** The outcome of a session rule. @throws Unauthenticated (401) if it is a failure. */
export function accepted<T extends object>(request: FastifyRequest, outcome: T | AuthFailure): T {
  if (outcome instanceof AuthFailure) {
    logAuthFailure(request, outcome);
    throw new Unauthenticated();
  }
  return outcome;
}

/** The error for a request without a usable token. */
export function unauthenticated(request: FastifyRequest, reason: string): Error {
  request.log.debug({ reason }, 'session refused');
  return new Unauthenticated();
}

/** Failures of a token that has, or looks as if it had, authenticated a session before: they are logged as events. */
const USED_AFTER_END: ReadonlySet<AuthFailureReason> = new Set([
  'expired',
  'unknown session',
  'wrong secret',
  'replaced token',
]);

export function logAuthFailure(request: FastifyRequest, { reason, subject }: AuthFailure): void {
  const details = { username: subject?.username, sessionId: subject?.id };
  if (reason === 'reused token') {
    logEvent(request, 'authn_token_reuse', details);
    logEvent(request, 'session_expired', { ...details, reason });
  } else if (USED_AFTER_END.has(reason)) {
    logEvent(request, 'session_use_after_expire', { ...details, reason });
  } else {
    request.log.debug({ reason, ...details }, 'session refused');
  }
}

export function logEnding(request: FastifyRequest, session: Session, reason: string): void {
  logEvent(request, 'session_expired', { ...logFields(session), reason });
}

/** The fields of a session in the log. */
export function logFields({ id, username }: Session): EventDetails {
  return { sessionId: id, username };
}
