import { createError } from '@fastify/error';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ServiceCookie } from '../http/cookies.ts';
import { writeHeadWithoutCaching } from '../http/no-store.ts';
import type { DataUpdates } from '../sessions/data-updates.ts';
import type { SessionManager } from '../sessions/session-manager.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { SessionWatch } from '../sessions/session-watch.ts';
import type { UserSessions } from '../sessions/user-sessions.ts';
import type { Clock, Milliseconds } from '../types.ts';
import type { DeviceBound } from './device-bound-options.ts';

/** What guards, requests and replies need of the plugin `sessions`. */
export interface SessionContext {
  /** As passed in the options. */
  readonly store: SessionStore;
  /** The same store. Each call ends within a bounded time and may fail with `StoreUnavailable` only, or `StoreFull`. */
  readonly boundStore: SessionStore;
  readonly clock: Clock;
  readonly namespace: string;
  readonly cookie: ServiceCookie;
  /** `undefined` if sessions are not bound to devices. */
  readonly deviceBound: DeviceBound | undefined;
  readonly freshMs: Milliseconds;
  readonly manager: SessionManager;
  readonly userSessions: UserSessions;
  readonly dataUpdates: DataUpdates;
  readonly watch: SessionWatch;
}

export const kContext = Symbol('session-context');
/** The session of a request: `undefined` before a guard has run, `null` if the guard found none. */
export const kSession = Symbol('session');
/** Whether a reply depends on a session. */
export const kPrivate = Symbol('private');
/** The token of the session that the reply has started. */
export const kStarted = Symbol('started');

declare module 'fastify' {
  interface FastifyInstance {
    [kContext]?: SessionContext;
  }

  interface FastifyReply {
    [kPrivate]?: boolean;
    [kStarted]?: string | undefined;
  }
}

/** A guard or an action ran in a scope without the plugin `sessions`. It fails the request: nobody passes such a guard. */
export const SessionsNotRegistered = createError(
  'SESSIONS_NOT_REGISTERED',
  '%s needs the plugin "sessions", which is not registered in the scope of this route. ' +
    'Register it there, or in a scope around it: await app.register(sessions).',
  500,
);

/** A clock that returns a `Date`, a promise or a text would end no session. @throws TypeError */
export function assertClock(owner: string, clock: Clock | undefined): void {
  if (clock !== undefined && !Number.isFinite(clock())) {
    throw new TypeError(`${owner}: clock must return a number: the milliseconds since 1970, as Date.now does.`);
  }
}

/** @throws SessionsNotRegistered if the scope of the route has no plugin `sessions`. `caller` needs it. */
export function contextOf({ server }: { server: FastifyInstance }, caller: string): SessionContext {
  const context = server[kContext];
  if (context === undefined) {
    throw new SessionsNotRegistered(caller);
  }
  return context;
}

/**
 * A reply that depends on a session must not be stored by a cache (RFC 9111, section 5.2.2.5). The header is set once more
 * when the head of the reply is written: a handler or a later hook may have replaced it, and Fastify copies the headers of a
 * `Response` after all hooks.
 */
export function forbidCaching(reply: FastifyReply): void {
  if (!reply[kPrivate]) {
    reply[kPrivate] = true;
    writeHeadWithoutCaching(reply.raw);
  }
  reply.header('cache-control', 'no-store');
}
