import { createError } from '@fastify/error';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ServiceCookie } from '../http/cookies.ts';
import type { DataUpdates } from '../sessions/data-updates.ts';
import type { SessionManager } from '../sessions/session-manager.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { SessionWatch } from '../sessions/session-watch.ts';
import type { UserSessions } from '../sessions/user-sessions.ts';
import type { Clock, Milliseconds } from '../types.ts';

/** What guards, requests and replies need of the plugin `sessions`. */
export interface SessionContext {
  /** As passed in the options. */
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly namespace: string;
  readonly cookie: ServiceCookie;
  /** The deadline until which the client keeps the cookie. */
  readonly cookieDeadline: 'expiresAt' | 'endsAt';
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

declare module 'fastify' {
  interface FastifyInstance {
    [kContext]?: SessionContext;
  }

  interface FastifyReply {
    [kPrivate]?: boolean;
  }
}

/** A guard or an action ran in a scope without the plugin `sessions`. It fails the request: nobody passes such a guard. */
export const SessionsNotRegistered = createError(
  'SESSIONS_NOT_REGISTERED',
  '%s needs the plugin "sessions", which is not registered in the scope of this route. ' +
    'Register it there, or in a scope around it: await app.register(sessions).',
  500,
);

/** @throws SessionsNotRegistered if the scope of the route has no plugin `sessions`. `caller` needs it. */
export function contextOf({ server }: { server: FastifyInstance }, caller: string): SessionContext {
  const context = server[kContext];
  if (context === undefined) {
    throw new SessionsNotRegistered(caller);
  }
  return context;
}

/** Other headers by which a reply allows caches to store it (RFC 9111, section 5.3; RFC 9213; Edge Architecture). */
const CACHE_HEADERS: ReadonlySet<string> = new Set(['expires', 'cdn-cache-control', 'surrogate-control']);

/**
 * A reply that depends on a session must not be stored by a cache (RFC 9111, section 5.2.2.5). The header is set once more
 * when the head of the reply is written: a handler or a later hook may have replaced it, and Fastify copies the headers of a
 * `Response` after all hooks.
 */
export function forbidCaching(reply: FastifyReply): void {
  if (!reply[kPrivate]) {
    reply[kPrivate] = true;
    const { raw } = reply;
    const { writeHead } = raw;
    raw.writeHead = function (this: typeof raw, ...args: Parameters<typeof writeHead>) {
      setNoStore(this, args);
      return writeHead.apply(this, args);
    } as typeof writeHead;
  }
  reply.header('cache-control', 'no-store');
}

/** `args` are those of `writeHead`: the status, and the headers as an object or as a list of names and values, or neither. */
function setNoStore(raw: FastifyReply['raw'], args: unknown[]): void {
  const headers = args.at(-1);
  if (Array.isArray(headers)) {
    args[args.length - 1] = [...withoutCacheHeaders(headers), 'cache-control', 'no-store'];
    return;
  }
  if (typeof headers === 'object' && headers !== null) {
    for (const name of Object.keys(headers)) {
      if (isCacheHeader(name)) {
        delete (headers as Record<string, unknown>)[name];
      }
    }
    Object.assign(headers, { 'cache-control': 'no-store' });
  }
  for (const name of CACHE_HEADERS) {
    raw.removeHeader(name);
  }
  raw.setHeader('cache-control', 'no-store');
}

/** A flat list: a name, its value, and so on. */
function withoutCacheHeaders(headers: unknown[]): unknown[] {
  return headers.filter((_, index) => !isCacheHeader(String(headers[index - (index % 2)])));
}

function isCacheHeader(name: string): boolean {
  const lowerCase = name.toLowerCase();
  return lowerCase === 'cache-control' || CACHE_HEADERS.has(lowerCase);
}
