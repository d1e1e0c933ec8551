import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { COOKIE_OPTIONS, type CookieOptions, ServiceCookie } from '../http/cookies.ts';
import { kObserver } from '../http/security-events.ts';
import { DataUpdates } from '../sessions/data-updates.ts';
import { SessionManager } from '../sessions/session-manager.ts';
import { clockOf, type SessionStore } from '../sessions/session-store.ts';
import { reportEndings, SessionWatch } from '../sessions/session-watch.ts';
import { UserSessions } from '../sessions/user-sessions.ts';
import { OF_FASTIFY, objectWith, optionalFunction, readOptions, settings } from '../settings.ts';
import { MemorySessionStore } from '../stores/memory/session-store.ts';
import { timeBoundSessionStore } from '../stores/time-bound.ts';
import type { Clock } from '../types.ts';
import { sendInstructions, warnOfMissingRoute } from './device-bound.ts';
import { DEVICE_BOUND, type DeviceBoundOptions, readDeviceBound } from './device-bound-options.ts';
import { refuseLateGuards } from './late-guards.ts';
import { assertClock, kContext, type SessionContext } from './session-context.ts';
import {
  optionalSession,
  requireBoundSession,
  requireRecentSignIn,
  requireSession,
  type SessionGuard,
} from './session-guards.ts';
import { decorateReplies } from './session-replies.ts';
import { decorateRequests } from './session-requests.ts';

export interface SessionsOptions {
  /**
   * Where sessions are kept. Default: a {@link MemorySessionStore}, which is closed with the app. If you pass a store, you
   * must close it.
   */
  readonly store?: SessionStore;
  /** How long the store may take to answer, in milliseconds, before a request is answered 503. Default 500. */
  readonly storeTimeoutMs?: number;
  /** How long a session lasts after sign-in or its latest renewal, in seconds. Default 120. */
  readonly idleSeconds?: number;
  /** How long a session lasts at most, however often it is renewed, in seconds. Default 43,200 (12 h). */
  readonly maxSeconds?: number;
  /**
   * What renews a session. `refresh`: only `reply.refreshSession`. `activity`: also each request that a guard accepts, at
   * most once per tenth of `idleSeconds`. The client then keeps the cookie until `maxSeconds` have passed. Default `refresh`.
   */
  readonly renewal?: 'refresh' | 'activity';
  /** How many sessions a user may have at the same time; one more ends the oldest. Default 20. */
  readonly maxPerUser?: number;
  /** How long after a sign-in `requireRecentSignIn` accepts the session, in seconds. Default 300. */
  readonly freshSeconds?: number;
  /**
   * How long after a refresh the replaced token, sent by a second tab or a retry, is refused without being treated as
   * stolen, in seconds. Default 10.
   */
  readonly reuseWindowSeconds?: number;
  /**
   * Whether sessions are bound to their devices (Device Bound Session Credentials, W3C draft). Needs `cookie.secure`, and a
   * route that calls `reply.refreshSession`. Default `false`.
   */
  readonly deviceBound?: boolean | DeviceBoundOptions;
  /**
   * How long a bound session lasts after the latest proof, in seconds. `idleSeconds` applies if it is longer.
   * Default 900.
   */
  readonly boundIdleSeconds?: number;
  /** The session cookie. Its name is `session_token` by default. */
  readonly cookie?: CookieOptions;
  /**
   * Where the sessions are valid. Several areas of an app can share a store: a session of one area is unknown in all others.
   * Default: the name of the cookie, without prefix.
   */
  readonly namespace?: string;
  /** Default: the clock of the store, and `Date.now` if it has none. */
  readonly clock?: Clock;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The store of the sessions, as passed in the options. */
    readonly sessionStore: SessionStore;
    /** The name of the session cookie, including its prefix. With `secure: 'auto'`, without prefix. */
    readonly sessionCookieName: string;
    /** The function of the same name. The exported one is safer: the decorator is `undefined` before the plugin is loaded. */
    readonly requireSession: SessionGuard;
    /** The function of the same name. */
    readonly requireRecentSignIn: SessionGuard;
    /** The function of the same name. */
    readonly requireBoundSession: SessionGuard;
    /** The function of the same name. */
    readonly optionalSession: SessionGuard;
  }
}

const OPTIONS = {
  store: Type.Optional(
    objectWith('create', 'find', 'replace', 'remove', 'listByUser', 'removeByUser', 'list', 'ping', 'close'),
  ),
  storeTimeoutMs: settings.storeTimeoutMs,
  idleSeconds: settings.idleSeconds,
  maxSeconds: settings.maxSeconds,
  renewal: settings.renewal,
  maxPerUser: settings.maxPerUser,
  freshSeconds: settings.freshSeconds,
  reuseWindowSeconds: settings.reuseWindowSeconds,
  deviceBound: DEVICE_BOUND,
  boundIdleSeconds: settings.boundIdleSeconds,
  cookie: COOKIE_OPTIONS,
  namespace: Type.Optional(Type.String({ minLength: 1, description: 'a text that is not empty' })),
  clock: optionalFunction,
};

/**
 * Cookie sessions for a Fastify app. Decorates the instance with `sessionStore` and the guards, requests with `session`
 * and the actions on a user's sessions, replies with the actions that write the cookie. It applies to the scope that
 * registers it. A scope inside may register it again, with other options.
 */
export const sessions = fp(registerSessions, { name: 'session-cookie-login/sessions', fastify: '5.x' });

async function registerSessions(app: FastifyInstance, options: SessionsOptions): Promise<void> {
  if (Object.hasOwn(app, kContext)) {
    throw new Error(
      'The plugin sessions is registered already in this scope. login registers it: pass its options as session, or register sessions before login.',
    );
  }
  const context = await createContext(app, readOptions('sessions', OPTIONS, options, OF_FASTIFY));
  // Not `decorate`: a scope inside another one with the plugin has its own context.
  app[kContext] = context;
  if (!app.hasRequestDecorator('sessionOrNull')) {
    decorateRequests(app);
    decorateReplies(app);
    refuseLateGuards(app);
    app.decorate('requireSession', requireSession);
    app.decorate('requireRecentSignIn', requireRecentSignIn);
    app.decorate('requireBoundSession', requireBoundSession);
    app.decorate('optionalSession', optionalSession);
  }
  if (context.deviceBound !== undefined) {
    sendInstructions(app);
    warnOfMissingRoute(app, context.deviceBound);
  }
  define(app, 'sessionStore', context.store);
  define(app, 'sessionCookieName', context.cookie.name);
}

type CheckedOptions = ReturnType<typeof readOptions<typeof OPTIONS, SessionsOptions>>;

async function createContext(app: FastifyInstance, options: CheckedOptions): Promise<SessionContext> {
  const { maxPerUser, freshSeconds } = options;
  assertClock('sessions', options.clock);
  const deviceBound = readDeviceBound(options.deviceBound, options.cookie);
  const store = options.store ?? openMemoryStore(app, options.clock);
  const bound = timeBoundSessionStore(store, options.storeTimeoutMs, app.log, app[kObserver]?.storeCall);
  const { clock = clockOf(bound) } = options;
  const watch = new SessionWatch(bound, clock, app.log);
  app.addHook('onClose', async () => watch.close());
  const watched = reportEndings(bound, watch);
  const cookie = await ServiceCookie.create(app, clock, { name: 'session_token', secure: false }, options.cookie);
  const { namespace = cookie.baseName } = options;
  return {
    store,
    boundStore: watched,
    clock,
    namespace,
    cookie,
    deviceBound,
    freshMs: freshSeconds * 1000,
    manager: new SessionManager({
      store: watched,
      clock,
      namespace,
      lifetimes: options,
      offersBinding: deviceBound !== undefined,
      log: app.log,
    }),
    userSessions: new UserSessions(watched, clock, maxPerUser),
    dataUpdates: new DataUpdates(watched, clock),
    watch,
  };
}

/** Defines a decorator. A scope inside one with the plugin has its own value. */
function define(app: FastifyInstance, name: string, value: unknown): void {
  if (Object.hasOwn(app, name)) {
    throw new Error(`sessions: the app has a decorator ${name} of its own.`);
  }
  Object.defineProperty(app, name, { value, enumerable: true });
}

function openMemoryStore(app: FastifyInstance, clock: Clock = Date.now): SessionStore {
  const store = new MemorySessionStore({ clock });
  app.addHook('onClose', async () => store.close());
  return store;
}
