import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { BoundSessionRequired, ReauthenticationRequired } from '../errors.ts';
import type { AnyReply, AnyRequest, HookDone } from '../http/hooks.ts';
import { logEvent } from '../http/security-events.ts';
import type { Session } from '../sessions/session.ts';
import { isThenable, type MaybePromise, whenReady } from '../types.ts';
import { contextOf, forbidCaching, kSession } from './session-context.ts';
import { acceptedToken, logFields, sessionToken } from './session-outcomes.ts';

/**
 * A hook for `onRequest`, `preParsing`, `preValidation` or `preHandler`, of a route or of a scope. A handler may call it and
 * await it. On a route with a body, use `onRequest`: strangers then learn nothing about the schema.
 */
export interface SessionGuard {
  (request: AnyRequest, reply: AnyReply): Promise<void>;
  (request: AnyRequest, reply: AnyReply, done: HookDone): void;
  (request: AnyRequest, reply: AnyReply, payload: unknown, done: HookDone): void;
}

/**
 * Accepts only signed-in users and sets `request.session`. It finds the plugin `sessions` when the request arrives, so it
 * can be used before the plugin is loaded, and fails where there is none.
 * @throws Unauthenticated (401) without a live session; StoreUnavailable (503) if the store failed; SessionsNotRegistered
 * (500).
 */
export const requireSession: SessionGuard = guard('requireSession', (request, reply) =>
  identify(request, reply, 'requireSession'),
);

/**
 * The same, but the user must have signed in within `freshSeconds`: for actions that a stolen session must not allow
 * (OWASP ASVS 5.0, 7.5).
 * @throws ReauthenticationRequired (403), and the errors of `requireSession`.
 */
export const requireRecentSignIn: SessionGuard = guard('requireRecentSignIn', (request, reply) =>
  whenReady(identify(request, reply, 'requireRecentSignIn'), (session) => assertRecent(request, session)),
);

/**
 * The same as `requireSession`, but the session must be bound to its device: for actions that a copied cookie must never allow
 * later than two minutes after the theft. A browser that can bind the session does so within a few seconds after the sign-in.
 * @throws BoundSessionRequired (403), and the errors of `requireSession`; Error (500) without the option `deviceBound`.
 */
export const requireBoundSession: SessionGuard = guard('requireBoundSession', (request, reply) =>
  whenReady(identify(request, reply, 'requireBoundSession'), (session) => assertBound(request, session)),
);

/**
 * Accepts everybody and sets `request.sessionOrNull`: `null` without exactly one live session.
 * @throws StoreUnavailable (503) if the store failed: nobody can tell then whether the user is signed in;
 * SessionsNotRegistered (500).
 */
export const optionalSession: SessionGuard = guard('optionalSession', (request, reply) => {
  const acceptStranger = (error: FastifyError) => {
    if (error.statusCode !== 401) {
      throw error;
    }
    request[kSession] = null;
  };
  try {
    const pending: MaybePromise<unknown> = identify(request, reply, 'optionalSession');
    return isThenable(pending) ? pending.catch(acceptStranger) : undefined;
  } catch (error) {
    return acceptStranger(error as FastifyError);
  }
});

function identify(request: FastifyRequest, reply: FastifyReply, caller: string): MaybePromise<Session> {
  const context = contextOf(request, caller);
  forbidCaching(reply);
  const outcome = whenReady(sessionToken(request, context), (token) => context.manager.authenticate(token));
  return whenReady(outcome, (found) => {
    const session = acceptedToken(reply, context, found);
    request[kSession] = session;
    return session;
  });
}

function assertRecent(request: FastifyRequest, session: Session): void {
  const { clock, freshMs } = contextOf(request, 'requireRecentSignIn');
  if (session.authenticatedAt <= clock() - freshMs) {
    logEvent(request, 'authz_fail', { ...logFields(session), reason: 'signed in too long ago' });
    throw new ReauthenticationRequired();
  }
}

function assertBound(request: FastifyRequest, session: Session): void {
  if (contextOf(request, 'requireBoundSession').deviceBound === undefined) {
    throw new Error(
      'requireBoundSession needs the option deviceBound of the plugin sessions: no session is bound without it',
    );
  }
  if (!session.bound) {
    logEvent(request, 'authz_fail', { ...logFields(session), reason: 'not a bound session' });
    throw new BoundSessionRequired();
  }
}

/** Makes a guard of a check. It calls `done`, or returns a promise if it is called without one, by a handler. */
function guard(
  name: string,
  check: (request: FastifyRequest, reply: FastifyReply) => MaybePromise<unknown>,
): SessionGuard {
  const run = (request: FastifyRequest, reply: FastifyReply, third?: unknown, fourth?: HookDone) => {
    assertIsRequest(name, request);
    const done = fourth ?? (third as HookDone | undefined);
    if (done === undefined) {
      return (async () => {
        await check(request, reply);
      })();
    }
    let pending: MaybePromise<unknown>;
    try {
      pending = check(request, reply);
    } catch (error) {
      done(error as FastifyError);
      return undefined;
    }
    if (isThenable(pending)) {
      pending.then(() => done(), done);
    } else {
      done();
    }
    return undefined;
  };
  return run as SessionGuard;
}

/** `{ onRequest: requireSession() }` would add no hook, and the route would be open to everybody. */
function assertIsRequest(name: string, request: AnyRequest | undefined): void {
  if (request?.raw === undefined) {
    throw new TypeError(`${name} is a hook. Pass it without calling it: { onRequest: ${name} }`);
  }
}
