import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SessionNotRefreshed } from '../errors.ts';
import { canonicalAddress } from '../http/client-address.ts';
import { logEvent } from '../http/security-events.ts';
import { deviceName } from '../http/user-agent.ts';
import { AuthFailure } from '../sessions/auth-failure.ts';
import type { Session } from '../sessions/session.ts';
import type { CreatedSession, NewSession } from '../sessions/session-manager.ts';
import { answerBrowser, offerBinding } from './device-bound.ts';
import { contextOf, forbidCaching, kPrivate, kSession, kStarted, type SessionContext } from './session-context.ts';
import { setSessionCookie } from './session-cookie.ts';
import {
  accepted,
  acceptedToken,
  assertFew,
  logAuthFailure,
  logEnding,
  logFields,
  MAX_TOKENS,
  sessionToken,
  skippedRefresh,
  unauthenticated,
  usableTokens,
} from './session-outcomes.ts';
import { revokeOthers, sessionOf } from './session-requests.ts';

declare module 'fastify' {
  interface FastifyReply {
    /**
     * Starts a session for a user who has just proved their identity, and sets the cookie. Ends the session that came
     * with the request, and the user's oldest sessions above the limit. `userId` must never change and never be given to
     * another user; it can be the username if users cannot be renamed.
     * @throws TypeError if `userId` or `username` is not a text; the errors of `updateSession` about `data`; StoreFull or
     * StoreUnavailable (503). No session is left then.
     */
    startSession(user: NewSession): Promise<StartedSession>;
    /**
     * Replaces the token of the request and sets the cookie. The old token is refused from then on.
     *
     * With the option `deviceBound` it also binds a session to its device, and refreshes a bound session for a proof. The
     * browser then gets instructions (JSON) in place of what the handler replies.
     * @throws Unauthenticated (401) without a live session, or if another refresh was first; DeviceProofRequired or
     * DeviceKeyRefused (403) about a bound session; StoreUnavailable or SessionNotRefreshed (503).
     */
    refreshSession(): Promise<StartedSession>;
    /**
     * Gives the session a new token and ends all other sessions of the user, after the user has proved their identity
     * again. `reason` goes to the log. The cookie of a bound session is cleared: its browser gets a new token for a proof.
     * @throws Unauthenticated (401) if the session has ended meanwhile; StoreUnavailable (503).
     */
    rotateAndRevokeOthers(reason: string): Promise<StartedSession>;
    /**
     * Ends the session of the request and clears the cookie, also if the session has ended already.
     * @throws Unauthenticated (401) without a session cookie; StoreUnavailable (503); SessionNotRefreshed (503) if a bound
     * session is live, and the request has no token that can end it.
     */
    signOut(): Promise<void>;
  }
}

/** In `declare module 'fastify'`, `Session` would be that of `@fastify/session` if the project has it. */
type StartedSession = Session;

export function decorateReplies(app: FastifyInstance): void {
  app.decorateReply(kPrivate, false);
  app.decorateReply(kStarted, undefined);
  app.decorateReply('startSession', startSession);
  app.decorateReply('refreshSession', refreshSession);
  app.decorateReply('rotateAndRevokeOthers', rotateAndRevokeOthers);
  app.decorateReply('signOut', signOut);
  if (app.initialConfig.http2) {
    // A stream over HTTP/2 is sent without a call of writeHead.
    app.addHook('onSend', (_request, reply, payload, done) => {
      if (reply[kPrivate]) {
        reply.header('cache-control', 'no-store');
      }
      done(null, payload);
    });
  }
}

async function startSession(this: FastifyReply, user: NewSession): Promise<Session> {
  assertNewSession(user);
  const issued = await createSession(this, user);
  await acceptOrRemove(this, issued);
  return issued.session;
}

/** The value is not in the message: it could be a password. */
function assertNewSession(user: unknown): void {
  const {
    userId,
    username,
    data: _,
    ...others
  } = (typeof user === 'object' ? Object(user) : {}) as Partial<NewSession>;
  if (typeof userId !== 'string' || userId === '' || typeof username !== 'string') {
    throw new TypeError(
      'startSession takes an object with the strings userId and username: startSession({ userId, username })',
    );
  }
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    throw new TypeError(`startSession does not take ${unknown}. The fields are userId, username and data.`);
  }
}

/** The first half of a sign-in. The client knows nothing of the session yet. @throws StoreFull or StoreUnavailable. */
export function createSession(reply: FastifyReply, user: NewSession): Promise<CreatedSession> {
  const { request } = reply;
  forbidCaching(reply);
  const address = canonicalAddress(request.ip);
  const device = deviceName(request.headers['user-agent']);
  return contextOf(request, 'startSession').manager.create(user, { address, device });
}

/**
 * The second half of a sign-in: ends the sessions that the new one replaces and sets the cookie. Removes the new session
 * if that fails, or if `check` does, which runs before.
 */
export async function acceptOrRemove(
  reply: FastifyReply,
  issued: CreatedSession,
  check: () => Promise<void> = async () => {},
): Promise<void> {
  try {
    await check();
    await acceptSession(reply, issued);
  } catch (error) {
    await contextOf(reply.request, 'startSession').boundStore.remove(issued.session.id);
    throw error;
  }
}

async function acceptSession(reply: FastifyReply, issued: CreatedSession): Promise<void> {
  const { request } = reply;
  const { session } = issued;
  const context = contextOf(request, 'startSession');
  // More than a few are not the user's: somebody else has set them.
  const tokens = usableTokens(context.cookie.read(request)).slice(0, MAX_TOKENS);
  await endPresentedSessions(request, context, [...tokens, ...startedToken(reply)], 'signed in again');
  for (const surplus of await context.userSessions.enforceSessionLimit(session)) {
    logEnding(request, surplus, 'too many sessions');
  }
  logEvent(request, 'session_created', logFields(session));
  offerBinding(reply, context, issued);
  reply[kStarted] = issued.token;
  setSessionCookie(reply, context, issued);
}

/** The token of a session that an earlier call for this reply has started. The request does not have it. */
function startedToken(reply: FastifyReply): string[] {
  return reply[kStarted] === undefined ? [] : [reply[kStarted]];
}

async function refreshSession(this: FastifyReply): Promise<Session> {
  const { request } = this;
  const context = contextOf(request, 'refreshSession');
  forbidCaching(this);
  const answered = await answerBrowser(this, context);
  if (answered !== undefined) {
    return answered;
  }
  const token = await sessionToken(request, context);
  const issued = acceptedToken(this, context, await context.manager.refresh(token));
  logEvent(request, 'session_renewed', logFields(issued.session));
  return setSessionCookie(this, context, issued);
}

async function rotateAndRevokeOthers(this: FastifyReply, reason: string): Promise<Session> {
  const { request } = this;
  const { id } = sessionOf(request);
  forbidCaching(this);
  await revokeOthers(request, reason);
  const context = contextOf(request, 'rotateAndRevokeOthers');
  const issued = accepted(request, await context.manager.reauthenticate(id));
  if ('token' in issued) {
    logEvent(request, 'session_renewed', logFields(issued.session));
    return setSessionCookie(this, context, issued);
  }
  // The browser refreshes the session when it finds no cookie.
  context.cookie.clear(this);
  request[kSession] = issued;
  return issued;
}

async function signOut(this: FastifyReply): Promise<void> {
  const { request } = this;
  const context = contextOf(request, 'signOut');
  forbidCaching(this);
  const tokens = [...context.cookie.read(request), ...startedToken(this)];
  if (tokens.length === 0) {
    const isBound = skippedRefresh(request, context) !== undefined;
    throw isBound ? new SessionNotRefreshed() : unauthenticated(request, 'no session cookie');
  }
  const usable = usableTokens(tokens);
  assertFew(request, usable);
  const isLive = await endPresentedSessions(request, context, usable, 'signed out');
  request[kSession] = null;
  context.cookie.clear(this);
  if (isLive && context.deviceBound !== undefined) {
    // Without the cookie, the browser refreshes the session before the user tries again.
    throw new SessionNotRefreshed();
  }
}

/** Ends the sessions of the tokens. Returns whether one of them is still live: it is bound, and its token has expired. */
async function endPresentedSessions(
  request: FastifyRequest,
  { manager }: SessionContext,
  tokens: string[],
  reason: string,
): Promise<boolean> {
  const outcomes = await Promise.all(tokens.map((token) => manager.end(token)));
  for (const outcome of outcomes) {
    if (outcome instanceof AuthFailure) {
      logAuthFailure(request, outcome);
    } else {
      logEnding(request, outcome, reason);
    }
  }
  return outcomes.some((outcome) => outcome instanceof AuthFailure && outcome.reason === 'expired token');
}
