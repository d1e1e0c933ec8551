import type { FastifyRequest } from 'fastify';
import { canonicalAddress } from './addresses.ts';
import { printable } from './printable.ts';

/**
 * What the log tells of security, by the names of the OWASP Application Logging Vocabulary
 * (https://cheatsheetseries.owasp.org/cheatsheets/Logging_Vocabulary_Cheat_Sheet.html). `docs/security.md` has the same
 * table, for people.
 */
export const securityEvents = {
  authn_login_success: { level: 'info', message: 'signed in' },
  authn_login_fail: { level: 'warn', message: 'sign-in refused' },
  authn_login_fail_max: { level: 'warn', message: 'this was the last failure that is allowed for now' },
  authn_password_change: { level: 'info', message: 'password changed' },
  authn_password_change_fail: { level: 'warn', message: 'change of password refused' },
  authn_token_reuse: { level: 'warn', message: 'a token that was replaced came back: its session has ended' },
  authz_fail: { level: 'warn', message: 'the session does not allow what was asked for' },
  excess_rate_limit_exceeded: { level: 'warn', message: 'too many failures: the password was not looked at' },
  input_validation_fail: { level: 'warn', message: 'input refused' },
  malicious_csrf: { level: 'warn', message: 'cross-origin request refused' },
  session_created: { level: 'info', message: 'session started' },
  session_renewed: { level: 'info', message: 'session refreshed' },
  session_expired: { level: 'info', message: 'session ended' },
  session_use_after_expire: { level: 'info', message: 'a token that opens no session any more was refused' },
} as const;

export type SecurityEvent = keyof typeof securityEvents;

/** Who, which and why. Never a token, a hash or a password, nor a name that nobody has: it may be a password. */
export interface EventDetails {
  readonly username?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly reason?: string;
  /** Which of the limits of failures: `address`, `user`, `pair`, `device`, or several of them. */
  readonly limit?: string;
  readonly count?: number;
  readonly origin?: string | undefined;
}

/** Writes a security event to the log, with the address the request comes from. */
export function logEvent(request: FastifyRequest, event: SecurityEvent, details: EventDetails = {}): void {
  const { level, message } = securityEvents[event];
  const address = canonicalAddress(request.ip);
  request.log[level]({ event, address, ...withoutControls(details) }, message);
}

/** The longest text of a request that gets into the log. */
const MAX_LENGTH = 256;

/** JSON lines are safe as they are; a terminal would act on what it is shown. */
function withoutControls(details: EventDetails): object {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => [
      name,
      typeof value === 'string' ? printable(value.slice(0, MAX_LENGTH)) : value,
    ]),
  );
}
