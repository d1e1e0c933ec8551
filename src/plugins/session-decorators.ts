import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { NoSuchSession } from '../errors.ts';
import { canonicalAddress } from '../http/client-address.ts';
import type { ServiceCookie } from '../http/cookies.ts';
import { logEvent } from '../http/security-events.ts';
import { deviceName } from '../http/user-agent.ts';
import { AuthFailure } from '../sessions/auth-failure.ts';
import type { Session } from '../sessions/session.ts';
import type { IssuedSession, SessionManager } from '../sessions/session-manager.ts';
import type { UserSessions } from '../sessions/user-sessions.ts';
import {
  accepted,
  assertFew,
  forbidCaching,
  logAuthFailure,
  logEnding,
  logFields,
  MAX_TOKENS,
  sessionToken,
  unauthenticated,
  usableTokens,
} from './session-outcomes.ts';

/** What the actions on requests and replies need of the plugin `sessions`. */
export interface SessionContext {
  readonly cookie: ServiceCookie;
  readonly manager: SessionManager;
  readonly userSessions: UserSessions;
}

export const kContext = Symbol('session-context');
export const kSession = Symbol('session');

declare module 'fastify' {
  interface FastifyInstance {
    [kContext]: SessionContext;
  }

  interface FastifyRequest {
    /** The session of the signed-in user, behind `requireSession`. Throws on a route without that guard. */
    readonly session: Session;
    [kSession]: Session | null;
    /** Lists the live sessions of the signed-in user, newest first. @throws StoreUnavailable (503). */
    listSessions(): Promise<Session[]>;
    /** Ends a session of the signed-in user. @throws NoSuchSession (404); StoreUnavailable (503). */
    revokeSession(id: string): Promise<void>;
    /** Ends all other sessions of the signed-in user. Returns how many it ended. @throws StoreUnavailable (503). */
    revokeOtherSessions(): Promise<number>;
  }

  interface FastifyReply {
    /**
     * Starts a session for a user who has just proved their identity, and sets the cookie. Ends the session that came
     * with the request, and the user's oldest sessions above the limit.
     * @throws StoreFull or StoreUnavailable (503). No session is left then.
     */
    startSession(username: string): Promise<Session>;
    /**
     * Replaces the token of the request and sets the cookie. The old token is refused from then on.
     * @throws Unauthenticated (401) without a live session, or if another refresh was first; StoreUnavailable (503).
     */
    refreshSession(): Promise<Session>;
    /**
     * Gives the session a new token and ends all other sessions of the user, after the user has proved their identity
     * again. `reason` goes to the log.
     * @throws Unauthenticated (401) if the session has ended meanwhile; StoreUnavailable (503).
     */
    rotateAndRevokeOthers(reason: string): Promise<Session>;
    /**
     * Ends the session of the request and clears the cookie, also if the session has ended already.
     * @throws Unauthenticated (401) without a session cookie; StoreUnavailable (503).
     */
    signOut(): Promise<void>;
  }
}

export function decorateRequestsAndReplies(app: FastifyInstance): void {
  app.decorateRequest(kSession, null);
  app.decorateRequest('session', { getter: guardedSession });
  app.decorateRequest('listSessions', listSessions);
  app.decorateRequest('revokeSession', revokeSession);
  app.decorateRequest('revokeOtherSessions', function () {
    return revokeOthers(this, 'revoked');
  });
  app.decorateReply('startSession', startSession);
  app.decorateReply('refreshSession', refreshSession);
  app.decorateReply('rotateAndRevokeOthers', rotateAndRevokeOthers);
  app.decorateReply('signOut', signOut);
}

function guardedSession(this: FastifyRequest): Session {
  const session = this[kSession];
  if (session === null) {
    throw new Error('request.session is read on a route without the preHandler requireSession');
  }
  return session;
}

function listSessions(this: FastifyRequest): Promise<Session[]> {
  return this.server[kContext].userSessions.list(this.session.username);
}

async function revokeSession(this: FastifyRequest, id: string): Promise<void> {
  const { username } = this.session;
  const revoked = await this.server[kContext].userSessions.revoke(username, id);
  if (!(revoked instanceof AuthFailure)) {
    logEnding(this, revoked, 'revoked');
    return;
  }
  const { reason, subject } = revoked;
  if (reason === "another user's session") {
    logEvent(this, 'authz_fail', { username, sessionId: subject?.id, reason });
  }
  throw new NoSuchSession();
}

async function revokeOthers(request: FastifyRequest, reason: string): Promise<number> {
  const { session } = request;
  const count = await request.server[kContext].userSessions.revokeOthers(session);
  if (count > 0) {
    logEvent(request, 'session_expired', { username: session.username, count, reason });
  }
  return count;
}

async function startSession(this: FastifyReply, username: string): Promise<Session> {
  const issued = await createSession(this, username);
  try {
    return await acceptSession(this, issued);
  } catch (error) {
    await this.server[kContext].manager.discard(issued);
    throw error;
  }
}

/** The first half of a sign-in. The client knows nothing of the session yet. @throws StoreFull or StoreUnavailable. */
export function createSession(reply: FastifyReply, username: string): Promise<IssuedSession> {
  const { request } = reply;
  forbidCaching(reply);
  const address = canonicalAddress(request.ip);
  const device = deviceName(request.headers['user-agent']);
  return request.server[kContext].manager.create(username, { address, device });
}

/**
 * The second half of a sign-in: ends the sessions that the new one replaces and sets the cookie. If it fails, the caller
 * must discard the new session.
 */
export async function acceptSession(reply: FastifyReply, issued: IssuedSession): Promise<Session> {
  const { request } = reply;
  const { session } = issued;
  // More than a few are not the user's: somebody else has set them.
  const tokens = usableTokens(request.server[kContext].cookie.read(request)).slice(0, MAX_TOKENS);
  await endPresentedSessions(request, tokens, 'signed in again');
  for (const surplus of await request.server[kContext].userSessions.enforceSessionLimit(session.username)) {
    logEnding(request, surplus, 'too many sessions');
  }
  logEvent(request, 'session_created', logFields(session));
  return setSessionCookie(reply, issued);
}

async function refreshSession(this: FastifyReply): Promise<Session> {
  const { request } = this;
  const context = this.server[kContext];
  forbidCaching(this);
  const token = await sessionToken(request, context);
  const issued = accepted(request, await context.manager.refresh(token));
  logEvent(request, 'session_renewed', logFields(issued.session));
  return setSessionCookie(this, issued);
}

async function rotateAndRevokeOthers(this: FastifyReply, reason: string): Promise<Session> {
  const { request } = this;
  const { id } = request.session;
  forbidCaching(this);
  await revokeOthers(request, reason);
  const issued = accepted(request, await this.server[kContext].manager.reauthenticate(id));
  logEvent(request, 'session_renewed', logFields(issued.session));
  return setSessionCookie(this, issued);
}

async function signOut(this: FastifyReply): Promise<void> {
  const { request } = this;
  const { cookie } = this.server[kContext];
  forbidCaching(this);
  const tokens = cookie.read(request);
  if (tokens.length === 0) {
    throw unauthenticated(request, 'no session cookie');
  }
  const usable = usableTokens(tokens);
  assertFew(request, usable);
  await endPresentedSessions(request, usable, 'signed out');
  cookie.clear(this);
}

async function endPresentedSessions(request: FastifyRequest, tokens: string[], reason: string): Promise<void> {
  const { manager } = request.server[kContext];
  const outcomes = await Promise.all(tokens.map((token) => manager.end(token)));
  for (const outcome of outcomes) {
    if (outcome instanceof AuthFailure) {
      logAuthFailure(request, outcome);
    } else {
      logEnding(request, outcome, reason);
    }
  }
}

function setSessionCookie(reply: FastifyReply, { session, token }: IssuedSession): Session {
  reply.server[kContext].cookie.write(reply, token, session.expiresAt);
  return session;
}
