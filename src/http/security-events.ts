import type { FastifyRequest } from 'fastify';
import { escapeControlChars } from '../escape.ts';
import { canonicalAddress } from './client-address.ts';

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
  excess_rate_limit_exceeded: { level: 'warn', message: 'too many failures: the password was not checked' },
  input_validation_fail: { level: 'warn', message: 'input refused' },
  malicious_csrf: { level: 'warn', message: 'cross-origin request refused' },
  session_created: { level: 'info', message: 'session started' },
  session_renewed: { level: 'info', message: 'session refreshed' },
  session_expired: { level: 'info', message: 'session ended' },
  session_use_after_expire: { level: 'info', message: 'a token of an ended or unknown session was refused' },
} as const;

export type SecurityEvent = keyof typeof securityEvents;

/** The fields of an event. They never hold a token, a hash or a password, nor an unknown user name: it may be a password. */
export interface EventDetails {
  readonly username?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly reason?: string;
  /** The limits that were hit: `address`, `user`, `pair`, `device`, separated by spaces. */
  readonly limit?: string;
  readonly count?: number;
  readonly origin?: string | undefined;
}

/** Writes a security event to the log, with the address of the client. */
export function logEvent(request: FastifyRequest, event: SecurityEvent, details: EventDetails = {}): void {
  const { level, message } = securityEvents[event];
  const address = canonicalAddress(request.ip);
  request.log[level]({ event, address, ...withoutControls(details) }, message);
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
