import type { FastifyInstance, FastifyRequest } from 'fastify';
import { NoSuchSession } from '../errors.ts';
import { logEvent } from '../http/security-events.ts';
import { AuthFailure } from '../sessions/auth-failure.ts';
import type { DataChange } from '../sessions/data-updates.ts';
import type { Session } from '../sessions/session.ts';
import { contextOf, kSession } from './session-context.ts';
import { accepted, logEnding } from './session-outcomes.ts';

/** What the plugin `sessions` adds to requests. All of it needs a guard before it. */
export interface SessionRequest {
  /** `undefined` before a guard has run, `null` if the guard found no session. */
  [kSession]?: Session | null;
  /**
   * The session of the signed-in user.
   * @throws Error on a route without a guard, and behind `optionalSession` if nobody is signed in.
   */
  readonly session: OwnSession;
  /** The session, or `null` if nobody is signed in: behind `optionalSession`. @throws Error on a route without a guard. */
  readonly sessionOrNull: Session | null;
  /** Lists the live sessions of the signed-in user, newest first. @throws StoreUnavailable (503). */
  listSessions(): Promise<Session[]>;
  /** Ends a session of the signed-in user. @throws NoSuchSession (404); StoreUnavailable (503). */
  revokeSession(id: string): Promise<void>;
  /** Ends all other sessions of the signed-in user. Returns how many it ended. @throws StoreUnavailable (503). */
  revokeOtherSessions(): Promise<number>;
  /**
   * Changes what the app keeps with the session, and returns the session. `change` receives the data and returns the next
   * data. It may be called again if a concurrent call changed the data first, so that no change is lost.
   * @throws Unauthenticated (401) if the session has ended; TypeError or RangeError if the data is not JSON or is longer
   * than 4 KiB; what `change` throws; StoreUnavailable (503).
   */
  updateSession(change: DataChange): Promise<Session>;
  /**
   * Calls the listener when the session ends, however and wherever that happens: for connections that outlive the request,
   * such as a WebSocket. It takes up to about a second if the session ends on another instance or at a deadline. Returns a
   * function that removes the listener; call it when the connection closes.
   */
  onSessionEnd(listener: () => unknown): () => void;
}

/**
 * `any` in a project that has the types of `@fastify/session` or `@fastify/secure-session`. They declare `session` as a
 * property of FastifyRequest itself, and an inherited property must be assignable from it.
 */
type OwnSession = FastifyInstance extends { decryptSession: unknown } | { decodeSecureSession: unknown }
  ? // biome-ignore lint/suspicious/noExplicitAny: see above.
    any
  : Session;

declare module 'fastify' {
  interface FastifyRequest extends SessionRequest {}
}

export function decorateRequests(app: FastifyInstance): void {
  app.decorateRequest(kSession, undefined);
  app.decorateRequest('session', { getter: requiredSession });
  app.decorateRequest('sessionOrNull', { getter: sessionOrNull });
  app.decorateRequest('listSessions', listSessions);
  app.decorateRequest('revokeSession', revokeSession);
  app.decorateRequest('revokeOtherSessions', function () {
    return revokeOthers(this, 'revoked');
  });
  app.decorateRequest('updateSession', updateSession);
  app.decorateRequest('onSessionEnd', onSessionEnd);
}

/** The session of the request, of this package also where another one has decorated requests with `session`. */
export function sessionOf(request: FastifyRequest): Session {
  return requiredSession.call(request);
}

function requiredSession(this: FastifyRequest): Session {
  const session = this[kSession];
  if (session) {
    return session;
  }
  throw new Error(
    session === undefined
      ? 'request.session is read on a route without a guard. Add { onRequest: requireSession } to the route.'
      : 'request.session is read, but nobody is signed in. Behind optionalSession, read request.sessionOrNull.',
  );
}

function sessionOrNull(this: FastifyRequest): Session | null {
  const session = this[kSession];
  if (session === undefined) {
    throw new Error(
      'request.sessionOrNull is read on a route without a guard. Add { onRequest: optionalSession } to the route.',
    );
  }
  return session;
}

function listSessions(this: FastifyRequest): Promise<Session[]> {
  return contextOf(this, 'listSessions').userSessions.list(sessionOf(this));
}

async function revokeSession(this: FastifyRequest, id: string): Promise<void> {
  const session = sessionOf(this);
  const revoked = await contextOf(this, 'revokeSession').userSessions.revoke(session, id);
  if (!(revoked instanceof AuthFailure)) {
    logEnding(this, revoked, 'revoked');
    return;
  }
  const { reason, subject } = revoked;
  if (reason === "another user's session") {
    logEvent(this, 'authz_fail', { username: session.username, sessionId: subject?.id, reason });
  }
  throw new NoSuchSession();
}

export async function revokeOthers(request: FastifyRequest, reason: string): Promise<number> {
  const session = sessionOf(request);
  const count = await contextOf(request, 'revokeOtherSessions').userSessions.revokeOthers(session);
  if (count > 0) {
    logEvent(request, 'session_expired', { username: session.username, count, reason });
  }
  return count;
}

async function updateSession(this: FastifyRequest, change: DataChange): Promise<Session> {
  const { id } = sessionOf(this);
  assertFunction('updateSession', change, '(data) => ({ ...data, field: value })');
  const updated = accepted(this, await contextOf(this, 'updateSession').dataUpdates.update(id, change));
  this[kSession] = updated;
  return updated;
}

function onSessionEnd(this: FastifyRequest, listener: () => unknown): () => void {
  assertFunction('onSessionEnd', listener, '() => socket.close()');
  return contextOf(this, 'onSessionEnd').watch.watch(sessionOf(this), listener);
}

function assertFunction(name: string, value: unknown, example: string): void {
  if (typeof value !== 'function') {
    throw new TypeError(`${name} takes a function: ${name}(${example})`);
  }
}
