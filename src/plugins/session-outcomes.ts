import type { FastifyReply, FastifyRequest } from 'fastify';
import { DeviceProofRequired, SessionNotRefreshed, SeveralSessionCookies, Unauthenticated } from '../errors.ts';
import { type EventDetails, logEvent } from '../http/security-events.ts';
import { AuthFailure, type AuthFailureReason } from '../sessions/auth-failure.ts';
import type { Session } from '../sessions/session.ts';
import type { SessionManager } from '../sessions/session-manager.ts';
import { parseToken } from '../sessions/token.ts';
import type { MaybePromise } from '../types.ts';
import type { SessionContext } from './session-context.ts';

/** The most session cookies of one request that are looked up. */
export const MAX_TOKENS = 5;

/** What tells the session of a request. */
type TokenContext = Pick<SessionContext, 'cookie' | 'manager' | 'deviceBound'>;

/**
 * The token of the request. A page of another host of the domain can add a cookie of the same name, so if there are several
 * tokens, it is the only one that opens a live session.
 * @throws Unauthenticated or SeveralSessionCookies (401); SessionNotRefreshed or StoreUnavailable (503).
 */
export function sessionToken(request: FastifyRequest, context: TokenContext): MaybePromise<string> {
  const { cookie, manager } = context;
  const tokens = cookie.read(request);
  const [token] = tokens;
  if (token === undefined) {
    const reason = skippedRefresh(request, context);
    // If the browser has signed too often, only a sign-in helps.
    throw reason === 'server_error' || reason === 'unreachable'
      ? new SessionNotRefreshed()
      : unauthenticated(request, 'no session cookie');
  }
  return tokens.length === 1 ? token : onlyLiveToken(request, tokens, manager);
}

const REASONS: ReadonlySet<unknown> = new Set(['quota_exceeded', 'server_error', 'unreachable']);

/**
 * Why the browser has sent a request without the cookie of a bound session: it could not refresh the session. Returns
 * `undefined` if the browser does not say so.
 */
export function skippedRefresh(request: FastifyRequest, { deviceBound }: Pick<SessionContext, 'deviceBound'>) {
  const header = request.headers['secure-session-skipped'] as string | undefined;
  if (deviceBound === undefined || header === undefined) {
    return undefined;
  }
  const [name] = header.split(/[;,]/, 1);
  const reason = REASONS.has(name) ? (name as string) : 'other';
  const [, sessionId] = /session_identifier="([\w-]{22})"/.exec(header) ?? [];
  logEvent(request, 'device_bound_skipped', { sessionId, reason });
  return reason;
}

async function onlyLiveToken(request: FastifyRequest, tokens: string[], manager: SessionManager): Promise<string> {
  const usable = usableTokens(tokens);
  assertFew(request, usable);
  const outcomes = await Promise.all(usable.map((token) => manager.authenticate(token)));
  for (const outcome of outcomes.filter((one) => one instanceof AuthFailure)) {
    logAuthFailure(request, outcome);
  }
  const [live, ...others] = usable.filter((_, index) => !(outcomes[index] instanceof AuthFailure));
  if (live === undefined || others.length > 0) {
    throw severalCookies(request, tokens);
  }
  return live;
}

/** The tokens that can belong to a session, each once. */
export function usableTokens(tokens: readonly string[]): string[] {
  return [...new Set(tokens)].filter((token) => parseToken(token) !== undefined);
}

/** @throws SeveralSessionCookies (401) if there are more tokens than are looked up. */
export function assertFew(request: FastifyRequest, tokens: readonly string[]): void {
  if (tokens.length > MAX_TOKENS) {
    throw severalCookies(request, tokens);
  }
}

function severalCookies(request: FastifyRequest, { length: count }: readonly string[]): Error {
  logEvent(request, 'input_validation_fail', { reason: 'several session cookies', count });
  return new SeveralSessionCookies();
}

/**
 * The outcome of a session rule.
 * @throws Unauthenticated (401) if it is a failure; DeviceProofRequired (403) if the session is live, but bound.
 */
export function accepted<T extends object>(request: FastifyRequest, outcome: T | AuthFailure): T {
  if (!(outcome instanceof AuthFailure)) {
    return outcome;
  }
  logAuthFailure(request, outcome);
  throw outcome.reason === 'no proof' ? new DeviceProofRequired() : new Unauthenticated();
}

/** The error for a request without a usable token. */
export function unauthenticated(request: FastifyRequest, reason: string): Error {
  request.log.debug({ reason }, 'session refused');
  return new Unauthenticated();
}

/**
 * The same for a token of the request. If it is an expired token of a bound session, the reply clears the cookie, so that the
 * browser refreshes the session before its next request: it keeps the cookie for too long if its clock is slow. An error
 * changes no other cookie.
 */
export function acceptedToken<T extends object>(
  reply: FastifyReply,
  { cookie }: Pick<SessionContext, 'cookie'>,
  outcome: T | AuthFailure,
): T {
  if (outcome instanceof AuthFailure && outcome.reason === 'expired token') {
    cookie.clear(reply);
  }
  return accepted(reply.request, outcome);
}

/** Failures of a token that has, or looks as if it had, authenticated a session before: they are logged as events. */
const USED_AFTER_END: ReadonlySet<AuthFailureReason> = new Set([
  'expired',
  'expired token',
  'unknown session',
  'wrong secret',
  'replaced token',
]);

/** Failures to prove that a request comes from the browser of a bound session. */
const PROOF_PROBLEMS: ReadonlySet<AuthFailureReason> = new Set([
  'no proof',
  'malformed proof',
  'unknown offer',
  'unknown challenge',
  'wrong signature',
]);

export function logAuthFailure(request: FastifyRequest, { reason, subject }: AuthFailure): void {
  const details = { username: subject?.username, sessionId: subject?.id };
  if (PROOF_PROBLEMS.has(reason)) {
    logEvent(request, 'device_bound_refused', { ...details, reason });
  } else if (reason === 'reused token') {
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
