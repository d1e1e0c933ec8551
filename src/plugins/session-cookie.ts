import type { FastifyReply } from 'fastify';
import type { Session } from '../sessions/session.ts';
import type { IssuedSession } from '../sessions/token-rotation.ts';
import { kSession, type SessionContext } from './session-context.ts';

/** Sets the session cookie. Returns the session, which is that of the request from now on. */
export function setSessionCookie(
  reply: FastifyReply,
  { cookie }: SessionContext,
  { session, token, cookieExpiresAt }: IssuedSession,
): Session {
  cookie.warnOfScheme(reply.request);
  if (reply.sent) {
    reply.request.log.warn(
      'the reply was sent before its session cookie was set: await the call before you send the reply',
    );
  }
  cookie.write(reply, token, cookieExpiresAt);
  reply.request[kSession] = session;
  return session;
}
