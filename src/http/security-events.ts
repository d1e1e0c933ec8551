import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { escapeControlChars } from '../escape.ts';
import type { ObserveCall } from '../types.ts';
import { canonicalAddress } from './client-address.ts';
import { LogLimiter } from './log-limiter.ts';

/**
 * The security events of the log. The names follow the OWASP Application Logging Vocabulary
 * (https://cheatsheetseries.owasp.org/cheatsheets/Logging_Vocabulary_Cheat_Sheet.html). `docs/security.md` describes each.
 */
export const securityEvents = {
  authn_login_success: { level: 'info', message: 'signed in' },
  authn_login_fail: { level: 'warn', message: 'sign-in refused' },
  authn_login_fail_max: { level: 'warn', message: 'this failure reached a limit' },
  authn_password_change: { level: 'info', message: 'password changed' },
  authn_password_change_fail: { level: 'warn', message: 'password change refused' },
  authn_token_reuse: { level: 'warn', message: 'a replaced token was reused: its session has ended' },
  authz_fail: { level: 'warn', message: 'the session does not allow this action' },
  device_bound_registered: { level: 'info', message: 'session bound to its device' },
  device_bound_refreshed: { level: 'info', message: 'bound session refreshed' },
  device_bound_refused: { level: 'warn', message: 'proof of a key refused' },
  device_bound_skipped: { level: 'info', message: 'the browser could not refresh a bound session' },
  excess_rate_limit_exceeded: { level: 'warn', message: 'too many failures: refused without a check' },
  input_validation_fail: { level: 'warn', message: 'input refused' },
  malicious_csrf: { level: 'warn', message: 'cross-origin request refused' },
  session_created: { level: 'info', message: 'session started' },
  session_renewed: { level: 'info', message: 'session refreshed' },
  session_expired: { level: 'info', message: 'session ended' },
  session_use_after_expire: { level: 'info', message: 'a session token that is no longer valid was refused' },
} as const;

export type SecurityEvent = keyof typeof securityEvents;

/** The fields of an event. They never hold a token, a hash or a password, nor an unknown user name: it may be a password. */
export interface EventDetails {
  readonly username?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly reason?: string;
  /** The limits that were hit: `address`, `user`, `pair`, `device`, `link`, separated by spaces. */
  readonly limit?: string;
  readonly count?: number;
  readonly origin?: string | undefined;
  /** The origin of the app that a forwarded request is for. */
  readonly target?: string;
}

/** Gets what happens in a service, for metrics. Without metrics there is none. */
export interface Observer {
  /** A security event, also one above the limit of the log. */
  event(event: SecurityEvent, details: EventDetails): void;
  readonly storeCall: ObserveCall;
}

export const kObserver = Symbol('observer');

declare module 'fastify' {
  interface FastifyInstance {
    [kObserver]?: Observer;
  }
}

/** What the log needs of a request. */
export interface LogSource {
  readonly log: FastifyBaseLogger;
  readonly ip: string | undefined;
  readonly server: FastifyInstance;
}

/** Lines of one kind from one client in ten seconds. */
const MAX_LINES = 20;

/**
 * The limits of events that cost a client no password hash. A network with many users behind one address refreshes often. The
 * other events follow a password hash, or end a session.
 */
const LIMITS: Partial<Record<SecurityEvent, number>> = {
  authn_password_change_fail: MAX_LINES,
  authz_fail: MAX_LINES,
  device_bound_refreshed: 10 * MAX_LINES,
  device_bound_refused: MAX_LINES,
  device_bound_skipped: MAX_LINES,
  excess_rate_limit_exceeded: MAX_LINES,
  input_validation_fail: MAX_LINES,
  malicious_csrf: MAX_LINES,
  session_renewed: 10 * MAX_LINES,
  session_use_after_expire: MAX_LINES,
};

/** Writes a security event to the log, with the address of the client. Events above their limit are only counted. */
export function logEvent(source: LogSource, event: SecurityEvent, details: EventDetails = {}): void {
  source.server[kObserver]?.event(event, details);
  const { level, message } = securityEvents[event];
  const limit = LIMITS[event];
  if (limit === undefined || mayLog(source, event, limit)) {
    const address = canonicalAddress(source.ip);
    source.log[level]({ event, address, ...withoutControls(details) }, message);
  }
}

/** One for each server. The instances that Fastify makes for plugins share it. */
const limiters = new WeakMap<object, LogLimiter>();

/** Whether the client may cause one more line of this kind. */
export function mayLog({ ip, server }: LogSource, kind: string, max = MAX_LINES): boolean {
  const limiter = limiters.get(server.server) ?? new LogLimiter(server.log);
  limiters.set(server.server, limiter);
  return limiter.allows(kind, canonicalAddress(ip), max);
}

/** Longer texts are cut: they come from requests. */
const MAX_LENGTH = 256;

/** JSON escapes control characters, but the readable log on a terminal would print them. */
function withoutControls(details: EventDetails): object {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => [
      name,
      typeof value === 'string' ? escapeControlChars(value.slice(0, MAX_LENGTH)) : value,
    ]),
  );
}
