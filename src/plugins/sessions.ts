import { Type } from '@sinclair/typebox';
import type {
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  HookHandlerDoneFunction,
  preHandlerAsyncHookHandler,
  preHandlerHookHandler,
} from 'fastify';
import fp from 'fastify-plugin';
import { ReauthenticationRequired } from '../errors.ts';
import { COOKIE_OPTIONS, type CookieOptions, ServiceCookie } from '../http/cookies.ts';
import { logEvent } from '../http/security-events.ts';
import { SessionManager } from '../sessions/session-manager.ts';
import { clockOf, type SessionStore } from '../sessions/session-store.ts';
import { UserSessions } from '../sessions/user-sessions.ts';
import { objectWith, optionalFunction, readOptions, settings } from '../settings.ts';
import { MemorySessionStore } from '../stores/memory/session-store.ts';
import { timeBoundSessionStore } from '../stores/time-bound.ts';
import { type Clock, type MaybePromise, type Milliseconds, whenReady } from '../types.ts';
import { decorateRequestsAndReplies, kContext, kSession } from './session-decorators.ts';
import { accepted, forbidCaching, logFields, sessionToken } from './session-outcomes.ts';

export interface SessionsOptions {
  /**
   * Where sessions are kept. Default: a {@link MemorySessionStore}, which is closed with the app. If you pass a store, you
   * must close it.
   */
  readonly store?: SessionStore;
  /** How long the store may take to answer, in milliseconds, before a request is answered 503. Default 500. */
  readonly storeTimeoutMs?: number;
  /** How long a session lasts after sign-in or its latest refresh, in seconds. Default 120. */
  readonly idleSeconds?: number;
  /** How long a session lasts at most, however often it is refreshed, in seconds. Default 43,200 (12 h). */
  readonly maxSeconds?: number;
  /** How many sessions a user may have at the same time; one more ends the oldest. Default 20. */
  readonly maxPerUser?: number;
  /** How long after a sign-in `requireRecentSignIn` accepts the session, in seconds. Default 300. */
  readonly freshSeconds?: number;
  /**
   * How long after a refresh the replaced token, sent by a second tab or a retry, is refused without being treated as
   * stolen, in seconds. Default 10.
   */
  readonly reuseWindowSeconds?: number;
  /** The session cookie. Its name is `session_token` by default. */
  readonly cookie?: CookieOptions;
  /** Default: the clock of the store, and `Date.now` if it has none. */
  readonly clock?: Clock;
}

/** A preHandler that a handler or a hook may also call and await. */
export type SessionGuard = preHandlerHookHandler & preHandlerAsyncHookHandler;

declare module 'fastify' {
  interface FastifyInstance {
    /** The store of the sessions, as passed in the options. */
    sessionStore: SessionStore;
    /** The name of the session cookie, including its prefix. */
    sessionCookieName: string;
    /**
     * A preHandler that accepts only signed-in users and sets `request.session`.
     * @throws Unauthenticated (401) without a live session; StoreUnavailable (503) if the store failed.
     */
    requireSession: SessionGuard;
    /**
     * The same, but the user must have signed in within `freshSeconds`: for actions that a stolen session must not allow
     * (OWASP ASVS 5.0, 7.5).
     * @throws ReauthenticationRequired (403), and the errors of `requireSession`.
     */
    requireRecentSignIn: SessionGuard;
  }
}

const OPTIONS = {
  store: Type.Optional(
    objectWith('create', 'find', 'replace', 'remove', 'listByUser', 'removeByUser', 'list', 'ping', 'close'),
  ),
  storeTimeoutMs: settings.storeTimeoutMs,
  idleSeconds: settings.idleSeconds,
  maxSeconds: settings.maxSeconds,
  maxPerUser: settings.maxPerUser,
  freshSeconds: settings.freshSeconds,
  reuseWindowSeconds: settings.reuseWindowSeconds,
  cookie: COOKIE_OPTIONS,
  clock: optionalFunction,
};

/**
 * Cookie sessions for a Fastify app. Decorates the instance with `sessionStore`, `requireSession` and
 * `requireRecentSignIn`, requests with `session` and the actions on a user's sessions, replies with the actions that write
 * the cookie.
 */
export const sessions = fp(registerSessions, { name: 'session-cookie-login/sessions', fastify: '5.x' });

async function registerSessions(app: FastifyInstance, options: SessionsOptions): Promise<void> {
  const checked = readOptions('sessions', OPTIONS, options);
  const store = options.store ?? openMemoryStore(app, options.clock);
  const boundStore = timeBoundSessionStore(store, checked.storeTimeoutMs, app.log);
  const { clock = clockOf(boundStore), freshSeconds, maxPerUser } = checked;
  const cookie = await ServiceCookie.create(app, clock, 'session_token', checked.cookie);
  const context = {
    cookie,
    manager: new SessionManager(boundStore, clock, checked),
    userSessions: new UserSessions(boundStore, clock, maxPerUser),
  };
  app.decorate(kContext, context);
  app.decorate('sessionStore', store);
  app.decorate('sessionCookieName', cookie.name);
  decorateRequestsAndReplies(app);

  const identify = (request: FastifyRequest, reply: FastifyReply): MaybePromise<void> => {
    forbidCaching(reply);
    const outcome = whenReady(sessionToken(request, context), (token) => context.manager.authenticate(token));
    return whenReady(outcome, (found) => {
      request[kSession] = accepted(request, found);
    });
  };
  app.decorate('requireSession', asGuard(identify));
  app.decorate(
    'requireRecentSignIn',
    asGuard(async (request, reply) => {
      await identify(request, reply);
      assertSignedInSince(request, clock() - freshSeconds * 1000);
    }),
  );
}

function openMemoryStore(app: FastifyInstance, clock: Clock = Date.now): SessionStore {
  const store = new MemorySessionStore({ clock });
  app.addHook('onClose', async () => store.close());
  return store;
}

/** Makes a hook of a check. It calls `done`, or returns a promise if it is called without, by a handler. */
function asGuard(check: (request: FastifyRequest, reply: FastifyReply) => MaybePromise<void>): SessionGuard {
  function guard(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  function guard(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): undefined;
  function guard(
    request: FastifyRequest,
    reply: FastifyReply,
    done?: HookHandlerDoneFunction,
  ): Promise<void> | undefined {
    if (done === undefined) {
      return Promise.resolve().then(() => check(request, reply));
    }
    let pending: MaybePromise<void>;
    try {
      pending = check(request, reply);
    } catch (error) {
      done(error as FastifyError);
      return undefined;
    }
    if (pending === undefined) {
      done();
    } else {
      pending.then(() => done(), done);
    }
    return undefined;
  }
  return guard;
}

function assertSignedInSince(request: FastifyRequest, moment: Milliseconds): void {
  if (request.session.authenticatedAt <= moment) {
    logEvent(request, 'authz_fail', { ...logFields(request.session), reason: 'signed in too long ago' });
    throw new ReauthenticationRequired();
  }
}
