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
import { type CookieOptions, ServiceCookie } from '../http/cookies.ts';
import { logEvent } from '../http/security-events.ts';
import { SESSION_DEFAULTS } from '../sessions/defaults.ts';
import { SessionManager } from '../sessions/session-manager.ts';
import { clockOf, type SessionStore } from '../sessions/session-store.ts';
import { UserSessions } from '../sessions/user-sessions.ts';
import { STORE_DEFAULTS } from '../stores/defaults.ts';
import { MemorySessionStore } from '../stores/memory/session-store.ts';
import { timeBoundSessionStore } from '../stores/time-bound.ts';
import { type Clock, type MaybePromise, type Milliseconds, whenReady } from '../types.ts';
import { decorateRequestsAndReplies, kContext, kSession } from './session-decorators.ts';
import { accepted, forbidCaching, logFields, singleToken } from './session-outcomes.ts';

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

/** The longest delay of a timer; Node fires at once if it is longer. */
const MAX_TIMER_MS: Milliseconds = 2_147_483_647;
/** 400 days, the longest lifetime of a cookie (RFC 6265bis, section 5.5). */
const MAX_COOKIE_SECONDS = 34_560_000;

/**
 * Cookie sessions for a Fastify app. Decorates the instance with `sessionStore`, `requireSession` and
 * `requireRecentSignIn`, requests with `session` and the actions on a user's sessions, replies with the actions that write
 * the cookie.
 */
export const sessions = fp(registerSessions, { name: 'sessions', fastify: '5.x' });

async function registerSessions(app: FastifyInstance, options: SessionsOptions): Promise<void> {
  const { freshSeconds = SESSION_DEFAULTS.freshSeconds } = options;
  const store = options.store ?? openMemoryStore(app, options.clock);
  const { storeTimeoutMs = STORE_DEFAULTS.timeoutMs } = options;
  const boundStore = timeBoundSessionStore(store, storeTimeoutMs, app.log);
  const { clock = clockOf(boundStore) } = options;
  const cookie = await ServiceCookie.create(app, clock, 'session_token', options.cookie);
  const context = { cookie, ...createRules(boundStore, clock, options) };
  app.decorate(kContext, context);
  app.decorate('sessionStore', store);
  app.decorate('sessionCookieName', cookie.name);
  decorateRequestsAndReplies(app);

  const identify = (request: FastifyRequest, reply: FastifyReply): MaybePromise<void> => {
    forbidCaching(reply);
    const outcome = context.manager.authenticate(singleToken(request, cookie));
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

function createRules(store: SessionStore, clock: Clock, options: SessionsOptions) {
  const { idleSeconds = SESSION_DEFAULTS.idleSeconds, maxSeconds = SESSION_DEFAULTS.maxSeconds } = options;
  const { maxPerUser = SESSION_DEFAULTS.maxPerUser, freshSeconds = SESSION_DEFAULTS.freshSeconds } = options;
  const { reuseWindowSeconds = SESSION_DEFAULTS.reuseWindowSeconds } = options;
  const { storeTimeoutMs = STORE_DEFAULTS.timeoutMs } = options;
  assertPositive(MAX_TIMER_MS, { storeTimeoutMs });
  assertPositive(MAX_COOKIE_SECONDS, { idleSeconds, maxSeconds });
  assertPositive(Number.MAX_SAFE_INTEGER, { maxPerUser, freshSeconds, reuseWindowSeconds });
  return {
    manager: new SessionManager(store, clock, { idleSeconds, maxSeconds, reuseWindowSeconds }),
    userSessions: new UserSessions(store, clock, maxPerUser),
  };
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

function assertPositive(max: number, options: Record<string, number>): void {
  for (const [name, value] of Object.entries(options)) {
    if (!(value > 0 && value <= max)) {
      throw new RangeError(`${name} must be a number above 0 and up to ${max}, not ${value}`);
    }
  }
}
