import { type Static, type TSchema, Type } from '@sinclair/typebox';
import {
  BadRequest,
  BodyTooLarge,
  CrossOriginRefused,
  type HttpError,
  type HttpErrorClass,
  InternalError,
  SessionNotRefreshed,
  SeveralSessionCookies,
  Unauthenticated,
  UnsupportedMediaType,
} from '../errors.ts';
import type { Session as SessionRecord } from '../sessions/session.ts';
import { toIso } from '../types.ts';
import { ErrorReply, int32, Ref, Session } from './components.ts';

/** A password in a request. The limit bounds the cost of a hash. */
export const Password = Type.String({ maxLength: 1024, format: 'password' });

/** The errors that every state-changing route may answer. */
export const commonPostErrors = [CrossOriginRefused, BodyTooLarge, UnsupportedMediaType] as const;

/** The errors of a request without exactly one live session. */
export const notSignedIn = [Unauthenticated, SeveralSessionCookies, SessionNotRefreshed] as const;

/** A response with a JSON body. */
export function jsonResponse(description: string, schema: TSchema, headers?: Record<string, TSchema>) {
  return { description, ...(headers && { headers }), content: { 'application/json': { schema } } };
}

/**
 * The responses of a route's errors, by status. The description lists the codes. Every route may also answer 500, and 400 for
 * a malformed URL or header.
 */
export function errorResponses(...classes: HttpErrorClass[]): Record<number, ReturnType<typeof jsonResponse>> {
  const errors = [BadRequest, ...classes, InternalError].map((ErrorClass) => new ErrorClass());
  const statuses = new Set(errors.map(({ statusCode }) => statusCode));
  return Object.fromEntries(
    [...statuses].map((status) => [status, errorResponse(errors.filter(({ statusCode }) => statusCode === status))]),
  );
}

function errorResponse(errors: HttpError[]) {
  const canRetry = errors.some(({ headers }) => headers?.['retry-after']);
  const description = errors.map(({ code }) => `\`${code}\``).join(', ');
  return jsonResponse(description, Ref(ErrorReply), canRetry ? { 'Retry-After': RetryAfter } : undefined);
}

const RetryAfter = Type.Integer({
  ...int32,
  minimum: 1,
  maximum: 604_800,
  description: 'Seconds to wait before trying again.',
});

/** The `Set-Cookie` header of a response. `description` says what it sets. */
export function setCookieHeader(description: string): Record<string, TSchema> {
  return { 'Set-Cookie': Type.String({ maxLength: 4096, description }) };
}

/** The response of a route that sets the session cookie. `cookies` says what it sets. */
export function sessionResponse(
  description: string,
  cookies = 'The token, until `expiresAt` (`endsAt` with renewal by activity).',
) {
  return jsonResponse(description, Ref(Session), setCookieHeader(cookies));
}

export function viewSession(session: SessionRecord, { current }: { current: boolean }): Static<typeof Session> {
  return {
    id: session.id,
    username: session.username,
    createdAt: toIso(session.createdAt),
    authenticatedAt: toIso(session.authenticatedAt),
    expiresAt: toIso(session.expiresAt),
    endsAt: toIso(session.endsAt),
    bound: session.bound,
    current,
  };
}
