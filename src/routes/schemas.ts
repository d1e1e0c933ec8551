import { type Static, type TObject, Type } from '@sinclair/typebox';
import {
  BadRequest,
  BodyTooLarge,
  CrossOriginRefused,
  errorBody,
  type HttpError,
  type httpErrors,
  InternalError,
  SeveralSessionCookies,
  Unauthenticated,
  UnsupportedMediaType,
} from '../errors.ts';
import type { Session } from '../sessions/session.ts';
import type { Milliseconds } from '../types.ts';

/** A password in a request. The limit bounds the cost of a hash. */
export const Password = Type.String({ maxLength: 1024, format: 'password' });

type HttpErrorClass = (typeof httpErrors)[number];

/** The errors that every state-changing route may answer. */
export const commonPostErrors = [BadRequest, CrossOriginRefused, BodyTooLarge, UnsupportedMediaType] as const;

/** The errors of a request without exactly one live session. */
export const notSignedIn = [Unauthenticated, SeveralSessionCookies] as const;

/** The response schemas of a route's errors, by status. Every route may also answer 500. */
export function errorResponses(...classes: HttpErrorClass[]): Record<number, ReturnType<typeof errorSchema>> {
  const errors = [...classes, InternalError].map(sampleError);
  const statuses = new Set(errors.map(({ statusCode }) => statusCode));
  return Object.fromEntries(
    [...statuses].map((status) => [status, errorSchema(errors.filter((error) => error.statusCode === status))]),
  );
}

function sampleError(ErrorClass: HttpErrorClass): HttpError {
  const error: HttpError = new ErrorClass();
  error.message = error.message.replace('%s', 'body/username must be string');
  return error;
}

/** The schema of a response that is one of the errors, which all have the same status. */
function errorSchema(errors: HttpError[]) {
  const properties = {
    statusCode: Type.Integer({ minimum: 400, maximum: 599 }),
    code: Type.String({
      enum: errors.map(({ code }) => code),
      description: 'The error, for programs. It does not change.',
    }),
    error: Type.String({ description: 'The reason phrase of the status.' }),
    message: Type.String({ description: 'The error, for people. It may change.' }),
  };
  return Type.Object(properties, {
    description: errors.map(({ message }) => message).join(' Or: '),
    examples: errors.map(errorBody),
    ...(errors.some(({ headers }) => headers?.['retry-after']) && { headers: { 'Retry-After': RetryAfter } }),
  });
}

const RetryAfter = Type.Integer({ minimum: 1, description: 'Seconds to wait before trying again.' });

/** The `Set-Cookie` header of a response. `description` says what it sets. */
export function setCookieHeader(description: string): { headers: Record<string, TObject[string]> } {
  return { headers: { 'Set-Cookie': Type.String({ description }) } };
}

const Time = (description: string) => Type.String({ format: 'date-time', description });

const EXAMPLE = {
  id: 'fB3tN5xk0qWm2VhC9sYzLg',
  username: 'user1',
  createdAt: '2030-01-01T12:00:00.000Z',
  authenticatedAt: '2030-01-01T12:00:00.000Z',
  expiresAt: '2030-01-01T12:02:00.000Z',
  endsAt: '2030-01-02T00:00:00.000Z',
  current: true,
};

/** A session in a response. Times are ISO 8601 in UTC. */
export const SessionView = Type.Object(
  {
    id: Type.String({
      description: 'The public name of the session. It gives no access, and stays the same across refreshes.',
    }),
    username: Type.String(),
    createdAt: Time('The time of the sign-in.'),
    authenticatedAt: Time('The time when the user last entered the password.'),
    expiresAt: Time('The time when the session ends if it is not refreshed.'),
    endsAt: Time('The time when the session ends in any case.'),
    current: Type.Boolean({ description: 'Whether this is the session of the request.' }),
  },
  { examples: [EXAMPLE] },
);

/** The response of a route that sets the session cookie. `cookies` says what it sets. */
export function sessionResponse(description: string, cookies = 'The new token, until `expiresAt`.') {
  return Type.Object(SessionView.properties, {
    description,
    examples: [EXAMPLE],
    ...setCookieHeader(cookies),
  });
}

/** A session in the list of its user's sessions. */
export const ListedSession = Type.Object(
  {
    ...SessionView.properties,
    address: Type.String({ description: 'The address of the client at the sign-in.' }),
    device: Type.String({ description: 'The client at the sign-in.' }),
  },
  { examples: [{ ...EXAMPLE, address: '192.0.2.1', device: 'Firefox on Linux' }] },
);

export function viewSession(session: Session, { current }: { current: boolean }): Static<typeof SessionView> {
  return {
    id: session.id,
    username: session.username,
    createdAt: toIso(session.createdAt),
    authenticatedAt: toIso(session.authenticatedAt),
    expiresAt: toIso(session.expiresAt),
    endsAt: toIso(session.endsAt),
    current,
  };
}

function toIso(time: Milliseconds): string {
  return new Date(time).toISOString();
}
