import { STATUS_CODES } from 'node:http';
import createError, { type FastifyError } from '@fastify/error';

/**
 * The error catalogue: every error the service answers with has its `code` here and nowhere else.
 * Codes are stable, messages are for people and say nothing about the inside of the service.
 */

/** A request that cannot be understood: not JSON, a malformed URL, a bad header. */
export const BadRequest = createError('BAD_REQUEST', 'The request is malformed.', 400);

/** Input that a route's schema refuses. The argument says which field and why, never its value. */
export const InvalidInput = createError('INVALID_INPUT', 'Invalid input: %s', 400);

/** One error for a missing, empty, unknown or wrong name or password, so that it tells nothing of which. */
export const SignInRefused = createError('SIGN_IN_REFUSED', 'Wrong username or password.', 401);

/** The request carries no live session. Why is logged at debug level and never told to the client. */
export const NotSignedIn = createError('NOT_SIGNED_IN', 'Sign in first.', 401);

/** The session is live, but its user has signed in too long ago for what was asked. */
export const SignInAgain = createError('SIGN_IN_AGAIN', 'Sign in again to do this.', 403);

/** The current password of a change is wrong. The session is not in doubt, so it is no 401. */
export const WrongPassword = createError('WRONG_PASSWORD', 'The current password is wrong.', 403);

/** The argument says why, never what it was. */
export const NewPasswordRefused = createError('NEW_PASSWORD_REFUSED', '%s', 400);

export const CrossOriginRefused = createError(
  'CROSS_ORIGIN_REFUSED',
  'Cross-origin requests must not change state here.',
  403,
);

/** `GET /logout` as a prefetch, an image, a script: a load that no person asked for. */
export const NotANavigation = createError('NOT_A_NAVIGATION', 'Open this address as a page.', 403);

/** No session of that id, or none of this user's: which of the two is nobody's business. */
export const NoSuchSession = createError('NO_SUCH_SESSION', 'You have no such session.', 404);

export const NotFound = createError('NOT_FOUND', 'There is nothing here.', 404);

export const MethodNotAllowed = createError(
  'METHOD_NOT_ALLOWED',
  'This address does not take that method.',
  405,
);

/** The client took too long to send its request. */
export const RequestTimeout = createError('REQUEST_TIMEOUT', 'The request took too long to arrive.', 408);

export const BodyTooLarge = createError('BODY_TOO_LARGE', 'The body is larger than 16 KiB.', 413);

export const UriTooLong = createError('URI_TOO_LONG', 'The address is too long.', 414);

export const UnsupportedMediaType = createError(
  'UNSUPPORTED_MEDIA_TYPE',
  'Send application/json or application/x-www-form-urlencoded.',
  415,
);

const RETRY_AFTER_SECONDS = 900;

/**
 * Too many passwords were wrong. It is the same for a name that nobody has, and for the right password. The arguments
 * say when to try again, and for the log only: which limits were reached, and whose password it is about.
 */
export class TooManyFailures extends createError(
  'TOO_MANY_FAILURES',
  'Too many failed sign-ins. Try again later.',
  429,
) {
  readonly headers: Record<string, string>;
  readonly limits: readonly string[];
  readonly username: string | undefined;

  constructor(retryAfterSeconds = RETRY_AFTER_SECONDS, limits: readonly string[] = [], username?: string) {
    super();
    this.headers = { 'retry-after': String(retryAfterSeconds) };
    this.limits = limits;
    this.username = username;
  }
}

export const HeadersTooLarge = createError(
  'HEADERS_TOO_LARGE',
  'The headers are larger than this server takes.',
  431,
);

/** A fault of ours. The log has it; the client is told no more than this. */
export const InternalError = createError('INTERNAL_ERROR', 'Something went wrong on our side.', 500);

/** More sign-ins are waiting for a password hash than the machine can answer soon. */
export const SignInBusy = unavailable('SIGN_IN_BUSY', 'Too many sign-ins at once. Try again shortly.', 2);

/** A store failed, or did not answer in time. Absence is not failure: that is `undefined`. */
export const StoreUnavailable = unavailable(
  'STORE_UNAVAILABLE',
  'The store does not answer. Try again shortly.',
  1,
);

/** The store holds as many live sessions as it may. It never evicts one to make room. */
export const StoreFull = unavailable('STORE_FULL', 'No room for another session. Try again shortly.', 10);

/** The whole catalogue. */
export const catalogue = [
  BadRequest,
  InvalidInput,
  SignInRefused,
  NotSignedIn,
  SignInAgain,
  WrongPassword,
  NewPasswordRefused,
  CrossOriginRefused,
  NotANavigation,
  NoSuchSession,
  NotFound,
  MethodNotAllowed,
  RequestTimeout,
  BodyTooLarge,
  UriTooLong,
  UnsupportedMediaType,
  TooManyFailures,
  HeadersTooLarge,
  InternalError,
  SignInBusy,
  StoreUnavailable,
  StoreFull,
] as const;

/** What an error looks like on the wire: Fastify's own shape. */
export interface ErrorReply {
  readonly statusCode: number;
  readonly code: string;
  /** The status in words, such as `Unauthorized`. */
  readonly error: string;
  readonly message: string;
}

/** An error of the catalogue. The `headers` of an error that has some go out with the reply: Fastify sees to that. */
export type CatalogueError = FastifyError & { statusCode: number; headers?: Record<string, string> };

/** The reply's body for an error of the catalogue. */
export function errorReply({ statusCode, code, message }: CatalogueError): ErrorReply {
  return { statusCode, code, error: STATUS_CODES[statusCode] as string, message };
}

/** A 503 with `Retry-After` in seconds (RFC 9110, section 10.2.3). */
function unavailable(code: string, message: string, retryAfterSeconds: number) {
  return class extends createError(code, message, 503) {
    readonly headers = { 'retry-after': String(retryAfterSeconds) };
  };
}
