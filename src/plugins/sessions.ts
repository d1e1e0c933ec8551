import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { isThenable, type MaybePromise } from '../maybe-promise.ts';
import { SessionManager } from '../sessions/manager.ts';
import type { Clock, Session } from '../sessions/record.ts';
import { UserSessions } from '../sessions/user-sessions.ts';
import { MemorySessionStore } from '../stores/memory/session-store.ts';
import type { SessionStore } from '../stores/session-store.ts';
import { timeBoundSessionStore } from '../stores/time-bound.ts';
import { type CookieOptions, cookieSerializer } from './host-cookie.ts';
import { RequestSessions } from './request-sessions.ts';
import { SessionCookie } from './session-cookie.ts';
import { asHook, type SessionHook } from './session-hook.ts';

export interface SessionsOptions {
  /** Where sessions are kept. Default: a {@link MemorySessionStore}, closed with the app. Yours is yours to close. */
  readonly store?: SessionStore;
  /** How long the store may take to answer, in milliseconds, before it counts as failed. Default 500. */
  readonly storeTimeoutMs?: number;
  /** How long a session lasts after sign-in or its latest refresh, in seconds. Default 120. */
  readonly idleSeconds?: number;
  /** How long a session lasts at the most, however often it is refreshed, in seconds. Default 43,200 (12 h). */
  readonly maxSeconds?: number;
  /** How many sessions a user may have at the same time; one more ends the oldest. Default 20. */
  readonly maxPerUser?: number;
  /** How long after a sign-in `requireFreshSession` lets pass, in seconds. Default 300. */
  readonly freshSeconds?: number;
  /**
   * How long after a refresh the token of before may still come, from a second tab or a retry, without being taken for
   * stolen, in seconds. It is refused all the same. Default 10.
   */
  readonly reuseWindowSeconds?: number;
  /** The session's cookie. Its name is `session_token` by default. */
  readonly cookie?: CookieOptions;
  /** Default `Date.now`. */
  readonly clock?: Clock;
}

const kSession = Symbol('session');

/** The longest a timer waits; past it, Node fires at once. */
const MAX_TIMER_MS = 2_147_483_647;
/** 400 days, the longest life of a cookie (RFC 6265bis, section 5.5). */
const MAX_COOKIE_SECONDS = 34_560_000;

declare module 'fastify' {
  interface FastifyInstance {
    /** The store the sessions are in. */
    sessionStore: SessionStore;
    /** The session cookie's name, prefix included. */
    sessionCookieName: string;
    /**
     * A preHandler that lets only signed-in users pass and gives the handler `request.session`.
     * @throws NotSignedIn (401) without a live session, StoreUnavailable (503) when the store cannot tell.
     */
    requireSession: SessionHook;
    /**
     * The same for users who have signed in not long ago, before what a stolen session must not be enough for (OWASP
     * ASVS 5.0, 7.5).
     * @throws SignInAgain (403), and what `requireSession` throws.
     */
    requireFreshSession: SessionHook;
  }

  interface FastifyRequest {
    /** The session of the signed-in user, behind `requireSession`. Reading it anywhere else throws. */
    readonly session: Session;
    [kSession]: Session | null;
    /** The live sessions of the signed-in user, newest first. @throws StoreUnavailable (503). */
    listSessions(): Promise<Session[]>;
    /** Ends a session of the signed-in user. @throws NoSuchSession (404); StoreUnavailable (503). */
    endSession(id: string): Promise<void>;
    /** Ends all sessions of the signed-in user but this one; answers how many. @throws StoreUnavailable (503). */
    endOtherSessions(): Promise<number>;
  }

  interface FastifyReply {
    /**
     * Starts a session for a user who has just proved who they are, ends the one that came with the request, and the
     * oldest of theirs if they have too many, and sets the cookie. `isStillAllowed` is asked once the session stands,
     * and a `false` takes it back: what was true when the password was checked may have changed meanwhile.
     * @throws SignInRefused (401) when it is no longer allowed; StoreFull or StoreUnavailable (503).
     */
    startSession(username: string, isStillAllowed?: () => MaybePromise<boolean>): Promise<Session>;
    /**
     * Swaps the request's token for a fresh one and sets the cookie; the old token is dead from then on.
     * @throws NotSignedIn (401) without a live session or when another refresh was first; StoreUnavailable (503).
     */
    refreshSession(): Promise<Session>;
    /**
     * Gives the session a fresh token and ends all others of the user, after they have proved anew who they are.
     * `reason` is for the log.
     * @throws NotSignedIn (401) when the session has ended meanwhile; StoreUnavailable (503).
     */
    renewSessionAlone(reason: string): Promise<Session>;
    /**
     * Ends the request's session and clears the cookie, also when the session was over already.
     * @throws NotSignedIn (401) when the request has no session cookie at all; StoreUnavailable (503).
     */
    endSession(): Promise<void>;
  }
}

/**
 * Cookie sessions for a Fastify app: decorates the instance with `sessionStore`, `requireSession` and
 * `requireFreshSession`, requests with `session` and what a user may see and end, replies with what writes the cookie.
 */
export const sessions = fp(registerSessions, { name: 'sessions', fastify: '5.x' });

async function registerSessions(app: FastifyInstance, options: SessionsOptions): Promise<void> {
  const { clock = Date.now } = options;
  const store = options.store ?? ownStore(app, clock);
  const jar = new SessionCookie(await cookieSerializer(app), clock, options.cookie);
  const actions = applyRules(store, jar, clock, options);

  app.decorate('sessionStore', store);
  app.decorate('sessionCookieName', jar.name);
  app.decorateRequest(kSession, null);
  app.decorateRequest('session', { getter: guardedSession });

  // What the store has at hand is answered at once: no promise on the way of nearly every request.
  const identify = (request: FastifyRequest, reply: FastifyReply): MaybePromise<void> => {
    forbidCaching(reply);
    const session = actions.authenticate(request);
    if (isThenable(session)) {
      return session.then((later) => {
        request[kSession] = later;
      });
    }
    request[kSession] = session;
  };
  app.decorate('requireSession', asHook(identify));
  app.decorate(
    'requireFreshSession',
    asHook(async (request, reply) => {
      await identify(request, reply);
      actions.assertFresh(request);
    }),
  );

  app.decorateRequest('listSessions', function () {
    return actions.list(this);
  });
  app.decorateRequest('endSession', function (id) {
    return actions.endOne(this, id);
  });
  app.decorateRequest('endOtherSessions', function () {
    return actions.endOthers(this, 'revoked');
  });

  app.decorateReply('startSession', function (username, isStillAllowed) {
    forbidCaching(this);
    return actions.start(this, username, isStillAllowed);
  });
  app.decorateReply('refreshSession', function () {
    forbidCaching(this);
    return actions.refresh(this);
  });
  app.decorateReply('renewSessionAlone', function (reason) {
    forbidCaching(this);
    return actions.renewAlone(this, reason);
  });
  app.decorateReply('endSession', function () {
    forbidCaching(this);
    return actions.end(this);
  });
}

function applyRules(
  store: SessionStore,
  jar: SessionCookie,
  clock: Clock,
  options: SessionsOptions,
): RequestSessions {
  const { storeTimeoutMs = 500, maxPerUser = 20, freshSeconds = 300 } = options;
  const { idleSeconds = 120, maxSeconds = 43_200, reuseWindowSeconds = 10 } = options;
  assertWithin(MAX_TIMER_MS, { storeTimeoutMs });
  assertWithin(MAX_COOKIE_SECONDS, { idleSeconds, maxSeconds });
  assertWithin(Number.MAX_SAFE_INTEGER, { maxPerUser, freshSeconds, reuseWindowSeconds });
  const boundStore = timeBoundSessionStore(store, storeTimeoutMs);
  return new RequestSessions({
    rules: new SessionManager(boundStore, clock, { idleSeconds, maxSeconds, reuseWindowSeconds }),
    userSessions: new UserSessions(boundStore, clock, maxPerUser),
    jar,
    clock,
    freshSeconds,
  });
}

function ownStore(app: FastifyInstance, clock: Clock): SessionStore {
  const store = new MemorySessionStore({ clock });
  app.addHook('onClose', async () => store.close());
  return store;
}

/** A reply that depends on the session must not be kept by any cache (RFC 9111, section 5.2.2.5). */
function forbidCaching(reply: FastifyReply): void {
  reply.header('cache-control', 'no-store');
}

function guardedSession(this: FastifyRequest): Session {
  const session = this[kSession];
  if (session === null) {
    throw new Error('request.session is read on a route without the preHandler requireSession');
  }
  return session;
}

function assertWithin(max: number, options: Record<string, number>): void {
  for (const [name, value] of Object.entries(options)) {
    if (!(value > 0 && value <= max)) {
      throw new RangeError(`${name} must be a number above 0 and up to ${max}, not ${value}`);
    }
  }
}
