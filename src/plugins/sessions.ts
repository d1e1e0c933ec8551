import cookie from '@fastify/cookie';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { NotSignedIn, SignInRefused } from '../errors.ts';
import { type Refusal, SessionManager } from '../sessions/manager.ts';
import type { Clock, Session } from '../sessions/record.ts';
import { MemorySessionStore } from '../stores/memory/session-store.ts';
import type { MaybePromise, SessionStore } from '../stores/session-store.ts';
import { timeBoundSessionStore } from '../stores/time-bound.ts';
import { SessionCookie, type SessionCookieOptions } from './session-cookie.ts';

export interface SessionsOptions {
  /** Where sessions are kept. Default: a {@link MemorySessionStore}, closed with the app. Yours is yours to close. */
  readonly store?: SessionStore;
  /** How long the store may take to answer, in milliseconds, before it counts as failed. Default 500. */
  readonly storeTimeoutMs?: number;
  /** How long a session lasts after sign-in or its latest refresh, in seconds. Default 120. */
  readonly idleSeconds?: number;
  /** How long a session lasts at the most, however often it is refreshed, in seconds. Default 43,200 (12 h). */
  readonly maxSeconds?: number;
  readonly cookie?: SessionCookieOptions;
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
    requireSession: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  }

  interface FastifyRequest {
    /** The session of the signed-in user, behind `requireSession`. Reading it anywhere else throws. */
    readonly session: Session;
    [kSession]: Session | null;
  }

  interface FastifyReply {
    /**
     * Starts a session for a user who has just proved who they are, ends the one that came with the request and
     * sets the cookie. `isStillAllowed` is asked once the session stands, and a `false` takes it back: what was true
     * when the password was checked may have changed meanwhile.
     * @throws SignInRefused (401) when it is no longer allowed; StoreFull or StoreUnavailable (503).
     */
    startSession(username: string, isStillAllowed?: () => MaybePromise<boolean>): Promise<Session>;
    /**
     * Swaps the request's token for a fresh one and sets the cookie; the old token is dead from then on.
     * @throws NotSignedIn (401) without a live session or when another refresh was first; StoreUnavailable (503).
     */
    refreshSession(): Promise<Session>;
    /**
     * Ends the request's session and clears the cookie, also when the session was over already.
     * @throws NotSignedIn (401) when the request has no session cookie at all; StoreUnavailable (503).
     */
    endSession(): Promise<void>;
  }
}

/**
 * Cookie sessions for a Fastify app: decorates the instance with `sessionStore` and `requireSession`, requests
 * with `session`, replies with `startSession`, `refreshSession` and `endSession`.
 */
export const sessions = fp(registerSessions, { name: 'sessions', fastify: '5.x' });

async function registerSessions(app: FastifyInstance, options: SessionsOptions): Promise<void> {
  const { clock = Date.now, storeTimeoutMs = 500, idleSeconds = 120, maxSeconds = 43_200 } = options;
  assertWithin(MAX_TIMER_MS, { storeTimeoutMs });
  assertWithin(MAX_COOKIE_SECONDS, { idleSeconds, maxSeconds });

  const store = options.store ?? ownStore(app, clock);
  const rules = new SessionManager(timeBoundSessionStore(store, storeTimeoutMs), clock, {
    idleSeconds,
    maxSeconds,
  });
  const jar = new SessionCookie(clock, options.cookie);

  if (!app.hasPlugin('@fastify/cookie')) {
    await app.register(cookie);
  }
  app.decorate('sessionStore', store);
  app.decorate('sessionCookieName', jar.name);
  app.decorateRequest(kSession, null);
  app.decorateRequest('session', { getter: guardedSession });

  app.decorate('requireSession', async (request, reply) => {
    forbidCaching(reply);
    const token = onlyToken(request, jar.read(request));
    request[kSession] = accepted(request, await rules.authenticate(token));
  });

  app.decorateReply('startSession', async function (username, isStillAllowed) {
    forbidCaching(this);
    const issued = await rules.start(username, jar.read(this.request), isStillAllowed);
    if (typeof issued === 'string') {
      this.log.warn({ username, reason: issued }, 'session taken back');
      throw new SignInRefused();
    }
    jar.write(this, issued);
    this.log.info(describe(issued.session), 'session started');
    return issued.session;
  });

  app.decorateReply('refreshSession', async function () {
    forbidCaching(this);
    const token = onlyToken(this.request, jar.read(this.request));
    const issued = accepted(this.request, await rules.refresh(token));
    jar.write(this, issued);
    this.log.debug(describe(issued.session), 'session refreshed');
    return issued.session;
  });

  app.decorateReply('endSession', async function () {
    forbidCaching(this);
    const tokens = jar.read(this.request);
    if (tokens.length === 0) {
      throw refusal(this.request, 'no session cookie');
    }
    const outcomes = await Promise.all(tokens.map((token) => rules.end(token)));
    jar.clear(this);
    for (const session of outcomes.filter((outcome) => typeof outcome !== 'string')) {
      this.log.info(describe(session), 'session ended');
    }
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

function onlyToken(request: FastifyRequest, tokens: string[]): string {
  const [token, ...others] = tokens;
  if (token === undefined || others.length > 0) {
    throw refusal(request, token === undefined ? 'no session cookie' : 'several session cookies');
  }
  return token;
}

function accepted<T extends object>(request: FastifyRequest, outcome: T | Refusal): T {
  if (typeof outcome === 'string') {
    throw refusal(request, outcome);
  }
  return outcome;
}

function refusal(request: FastifyRequest, reason: string): Error {
  request.log.debug({ reason }, 'session refused');
  return new NotSignedIn();
}

function guardedSession(this: FastifyRequest): Session {
  const session = this[kSession];
  if (session === null) {
    throw new Error('request.session is read on a route without the preHandler requireSession');
  }
  return session;
}

function describe({ id, username }: Session): object {
  return { sessionId: id, username };
}

function assertWithin(max: number, options: Record<string, number>): void {
  for (const [name, value] of Object.entries(options)) {
    if (!(value > 0 && value <= max)) {
      throw new RangeError(`${name} must be a number above 0 and up to ${max}, not ${value}`);
    }
  }
}
