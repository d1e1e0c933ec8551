import type { FastifyReply, FastifyRequest } from 'fastify';
import { canonicalAddress } from '../addresses.ts';
import { deviceName } from '../device-name.ts';
import { NoSuchSession, NotSignedIn, SignInAgain, SignInRefused } from '../errors.ts';
import { isThenable, type MaybePromise } from '../maybe-promise.ts';
import { type EventDetails, logEvent } from '../security-events.ts';
import type { IssuedSession, SessionManager } from '../sessions/manager.ts';
import type { Clock, Milliseconds, Session } from '../sessions/record.ts';
import { type Reason, Refusal } from '../sessions/refusal.ts';
import type { UserSessions } from '../sessions/user-sessions.ts';
import type { SessionCookie } from './session-cookie.ts';

export interface RequestSessionsOptions {
  readonly rules: SessionManager;
  readonly userSessions: UserSessions;
  readonly jar: SessionCookie;
  readonly clock: Clock;
  /** For how long after a sign-in the user counts as having just proved who they are. */
  readonly freshSeconds: number;
}

/** Tokens that once opened a session, or look as if: worth a line in the log. */
const AFTER_THE_END: ReadonlySet<Reason> = new Set([
  'expired',
  'unknown session',
  'wrong secret',
  'replaced token',
]);

/** The rules of sessions, applied to requests: reads and writes the cookie, throws refusals, logs what happened. */
export class RequestSessions {
  readonly #rules: SessionManager;
  readonly #userSessions: UserSessions;
  readonly #jar: SessionCookie;
  readonly #clock: Clock;
  readonly #freshMs: Milliseconds;

  constructor({ rules, userSessions, jar, clock, freshSeconds }: RequestSessionsOptions) {
    this.#rules = rules;
    this.#userSessions = userSessions;
    this.#jar = jar;
    this.#clock = clock;
    this.#freshMs = freshSeconds * 1000;
  }

  /** At once if the store answers at once. */
  authenticate(request: FastifyRequest): MaybePromise<Session> {
    const outcome = this.#rules.authenticate(this.#onlyToken(request));
    return isThenable(outcome)
      ? outcome.then((later) => accepted(request, later))
      : accepted(request, outcome);
  }

  assertFresh(request: FastifyRequest): void {
    const { session } = request;
    if (this.#clock() - session.authenticatedAt >= this.#freshMs) {
      logEvent(request, 'authz_fail', { ...about(session), reason: 'signed in too long ago' });
      throw new SignInAgain();
    }
  }

  async start(
    reply: FastifyReply,
    username: string,
    isStillAllowed: () => MaybePromise<boolean> = () => true,
  ): Promise<Session> {
    const { request } = reply;
    const client = {
      address: canonicalAddress(request.ip),
      device: deviceName(request.headers['user-agent']),
    };
    const issued = await this.#rules.start(username, client, async ({ id }) => {
      if (!(await isStillAllowed())) {
        return new Refusal('no longer allowed', { id, username });
      }
      await this.#endPresented(request, 'signed in again');
      for (const session of await this.#userSessions.endSurplus(username)) {
        logEnding(request, session, 'too many sessions');
      }
      return undefined;
    });
    if (issued instanceof Refusal) {
      logEvent(request, 'authn_login_fail', { username, reason: issued.reason });
      throw new SignInRefused();
    }
    logEvent(request, 'session_created', about(issued.session));
    return this.#hand(reply, issued);
  }

  async refresh(reply: FastifyReply): Promise<Session> {
    const { request } = reply;
    const issued = accepted(request, await this.#rules.refresh(this.#onlyToken(request)));
    logEvent(request, 'session_renewed', about(issued.session));
    return this.#hand(reply, issued);
  }

  /** A fresh token for the request's session, as after a new proof of who the user is. All their others end. */
  async renewAlone(reply: FastifyReply, reason: string): Promise<Session> {
    const { request } = reply;
    const { id } = request.session;
    await this.endOthers(request, reason);
    const issued = accepted(request, await this.#rules.renew(id));
    logEvent(request, 'session_renewed', about(issued.session));
    return this.#hand(reply, issued);
  }

  async end(reply: FastifyReply): Promise<void> {
    const { request } = reply;
    if (this.#jar.read(request).length === 0) {
      throw refused(request, 'no session cookie');
    }
    await this.#endPresented(request, 'signed out');
    this.#jar.clear(reply);
  }

  list({ session }: FastifyRequest): Promise<Session[]> {
    return this.#userSessions.list(session.username);
  }

  async endOne(request: FastifyRequest, id: string): Promise<void> {
    const ended = await this.#userSessions.endOne(request.session.username, id);
    if (!(ended instanceof Refusal)) {
      logEnding(request, ended, 'revoked');
      return;
    }
    if (ended.reason === "another user's session") {
      const { username } = request.session;
      logEvent(request, 'authz_fail', { username, sessionId: ended.subject?.id, reason: ended.reason });
    }
    throw new NoSuchSession();
  }

  async endOthers(request: FastifyRequest, reason: string): Promise<number> {
    const { username, id } = request.session;
    const count = await this.#userSessions.endOthers(username, id);
    if (count > 0) {
      logEvent(request, 'session_expired', { username, count, reason });
    }
    return count;
  }

  #onlyToken(request: FastifyRequest): string {
    const tokens = this.#jar.read(request);
    if (tokens.length !== 1) {
      throw refused(request, tokens.length === 0 ? 'no session cookie' : 'several session cookies');
    }
    return tokens[0] as string;
  }

  #hand(reply: FastifyReply, issued: IssuedSession): Session {
    this.#jar.write(reply, issued);
    return issued.session;
  }

  async #endPresented(request: FastifyRequest, reason: string): Promise<void> {
    const outcomes = await Promise.all(this.#jar.read(request).map((token) => this.#rules.end(token)));
    for (const outcome of outcomes) {
      if (outcome instanceof Refusal) {
        logRefusal(request, outcome);
      } else {
        logEnding(request, outcome, reason);
      }
    }
  }
}

function accepted<T extends object>(request: FastifyRequest, outcome: T | Refusal): T {
  if (outcome instanceof Refusal) {
    logRefusal(request, outcome);
    throw new NotSignedIn();
  }
  return outcome;
}

function refused(request: FastifyRequest, reason: string): Error {
  request.log.debug({ reason }, 'session refused');
  return new NotSignedIn();
}

function logRefusal(request: FastifyRequest, { reason, subject }: Refusal): void {
  const details = { username: subject?.username, sessionId: subject?.id };
  if (reason === 'reused token') {
    logEvent(request, 'authn_token_reuse', details);
    logEvent(request, 'session_expired', { ...details, reason });
  } else if (AFTER_THE_END.has(reason)) {
    logEvent(request, 'session_use_after_expire', { ...details, reason });
  } else {
    request.log.debug({ reason, ...details }, 'session refused');
  }
}

function logEnding(request: FastifyRequest, session: Session, reason: string): void {
  logEvent(request, 'session_expired', { ...about(session), reason });
}

function about({ id, username }: Session): EventDetails {
  return { sessionId: id, username };
}
