import { STATUS_CODES } from 'node:http';
import { createError, type FastifyError } from '@fastify/error';

/**
 * The error catalogue: all errors that the service responds with. Codes are stable. Messages are for people, can
 * change, and reveal no internals. The module has no dependencies in `src`, so that every layer can use it.
 */

/** Malformed JSON, a malformed URL or an invalid header. */
export const BadRequest = createError('BAD_REQUEST', 'The request is malformed.', 400);

/** The input does not match the schema of the route. The argument names the field and the reason, never the value. */
export const InvalidInput = createError('INVALID_INPUT', 'Invalid input: %s', 400);

/** Same error for a missing, empty, unknown or wrong name or password, so that it does not reveal which one it is. */
export const InvalidCredentials = createError('SIGN_IN_REFUSED', 'Wrong username or password.', 401);

/** The request has no live session. The reason is logged at debug level and never sent to the client. */
export const Unauthenticated = createError('NOT_SIGNED_IN', 'Sign in first.', 401);

/**
 * The request has several session cookies, and not exactly one of them opens a live session. Another host of the domain,
 * or a page on a narrower path, has set a cookie of the same name.
 */
export const SeveralSessionCookies = createError(
  'SEVERAL_SESSION_COOKIES',
  'The browser sends several session cookies. Sign in again. If that does not help, delete the cookies of this domain.',
  401,
);

/** The session is live, but the route requires a more recent sign-in. */
export const ReauthenticationRequired = createError('SIGN_IN_AGAIN', 'Sign in again to do this.', 403);

/**
 * The request would give a bound session a new token, and does not prove that it comes from the browser of the session. The
 * session stays as it is. A browser that refreshes the session gets a challenge in `Secure-Session-Challenge`.
 */
export const DeviceProofRequired = createError(
  'DEVICE_PROOF_REQUIRED',
  'This session is bound to its device: its browser must prove that it has the key.',
  403,
);

/** The browser registers a key, and the sign-in has not offered that, or the proof is wrong. */
export const DeviceKeyRefused = createError('DEVICE_KEY_REFUSED', 'The key was not accepted.', 403);

/** The session is live, but not bound to its device. */
export const BoundSessionRequired = createError(
  'BOUND_SESSION_REQUIRED',
  'This needs a session that is bound to its device.',
  403,
);

/** The current password of a password change is wrong. Not a 401, because the session is valid. */
export const WrongPassword = createError('WRONG_PASSWORD', 'The current password is wrong.', 403);

/** The argument is the reason as a sentence. It never contains the password. */
export const NewPasswordRefused = createError('NEW_PASSWORD_REFUSED', '%s', 400);

/** The name and the password of a sign-in are right, and the user must choose another password. */
export const PasswordExpired = createError(
  'PASSWORD_EXPIRED',
  'The password has expired. Sign in with a new one in newPassword.',
  403,
);

/** The link to set a password has expired, was used or replaced, or never existed. The response does not reveal which. */
export const PasswordLinkInvalid = createError('PASSWORD_LINK_INVALID', 'This link is not valid.', 403);

export const CrossOriginRefused = createError(
  'CROSS_ORIGIN_REFUSED',
  'Cross-origin requests must not change state here.',
  403,
);

/** A client that is no trusted proxy asks for a decision about a request to an app. */
export const ProxyNotTrusted = createError('PROXY_NOT_TRUSTED', 'Only a trusted proxy may ask this.', 403);

/** A proxy must say exactly once which request it asks about. */
export const ForwardedHeadersInvalid = createError(
  'FORWARDED_HEADERS_INVALID',
  'The proxy does not say which request it asks about.',
  403,
);

/** A proxy asks about a request to an app that is not in `TRUSTED_ORIGINS`. */
export const TargetNotTrusted = createError(
  'TARGET_NOT_TRUSTED',
  'This address is not protected by this service.',
  403,
);

/** `GET /logout` that is not a page load by the user, but for example a prefetch or an image. */
export const NotANavigation = createError('NOT_A_NAVIGATION', 'Open this address as a page.', 403);

/** The session does not exist or belongs to another user. The response does not reveal which. */
export const NoSuchSession = createError('NO_SUCH_SESSION', 'You have no such session.', 404);

export const NotFound = createError('NOT_FOUND', 'Not found.', 404);

export const MethodNotAllowed = createError('METHOD_NOT_ALLOWED', 'The method is not allowed here.', 405);

export const RequestTimeout = createError('REQUEST_TIMEOUT', 'The request took too long to arrive.', 408);

export const BodyTooLarge = createError('BODY_TOO_LARGE', 'The body is larger than 16 KiB.', 413);

export const UriTooLong = createError('URI_TOO_LONG', 'The URL is too long.', 414);

export const UnsupportedMediaType = createError(
  'UNSUPPORTED_MEDIA_TYPE',
  'Send application/json or application/x-www-form-urlencoded.',
  415,
);

/**
 * A rate limit of failed sign-ins is exceeded. The response is the same for unknown names and for right passwords.
 * `limits` (the names of the exceeded limits) and `username` (if the user exists) are for the log only.
 */
export class TooManyFailures extends createError(
  'TOO_MANY_FAILURES',
  'Too many failed sign-ins. Try again later.',
  429,
) {
  readonly headers: Record<string, string>;
  readonly limits: readonly string[];
  readonly username: string | undefined;

  constructor(retryAfterSeconds = 900, limits: readonly string[] = [], username?: string) {
    super();
    this.headers = { 'retry-after': String(retryAfterSeconds) };
    this.limits = limits;
    this.username = username;
  }
}

export const HeadersTooLarge = createError('HEADERS_TOO_LARGE', 'The request headers are too large.', 431);

/** A bug. The log has the details; the client gets only this message. */
export const InternalError = createError('INTERNAL_ERROR', 'Something went wrong on our side.', 500);

/** The queue of password hashes is full. */
export const SignInBusy = unavailable('SIGN_IN_BUSY', 'Too many sign-ins at once. Try again shortly.', 2);

/** A store failed or timed out. A missing record is not a failure: stores return `undefined` for it. */
export const StoreUnavailable = unavailable('STORE_UNAVAILABLE', 'The store does not answer. Try again shortly.', 1);

/** The browser could not refresh its bound session before this request, so nobody can tell whether the user is signed in. */
export const SessionNotRefreshed = unavailable(
  'SESSION_NOT_REFRESHED',
  'The browser could not refresh the session. Try again shortly.',
  1,
);

/** The store has reached its maximum of live sessions. It never evicts a live session. */
export const StoreFull = unavailable('STORE_FULL', 'No room for another session. Try again shortly.', 10);

/** The service is about to stop. Only the readiness check answers it: all other requests are still served. */
export const ShuttingDown = unavailable('SHUTTING_DOWN', 'The service is about to stop.', 5);

/** All errors of the catalogue. */
export const httpErrors = [
  BadRequest,
  InvalidInput,
  InvalidCredentials,
  Unauthenticated,
  SeveralSessionCookies,
  ReauthenticationRequired,
  DeviceProofRequired,
  DeviceKeyRefused,
  BoundSessionRequired,
  WrongPassword,
  NewPasswordRefused,
  PasswordExpired,
  PasswordLinkInvalid,
  CrossOriginRefused,
  ProxyNotTrusted,
  ForwardedHeadersInvalid,
  TargetNotTrusted,
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
  SessionNotRefreshed,
  StoreFull,
  ShuttingDown,
] as const;

/** The body of an error response, in the format of Fastify. */
export interface ErrorReply {
  readonly statusCode: number;
  readonly code: string;
  /** The reason phrase of the status, such as `Unauthorized`. */
  readonly error: string;
  readonly message: string;
}

/** An error of the catalogue. Fastify adds `headers`, if there are any, to the response. */
export type HttpError = FastifyError & { statusCode: number; headers?: Record<string, string> };

/** Returns the response body of an error. */
export function errorBody({ statusCode, code, message }: HttpError): ErrorReply {
  return { statusCode, code, error: STATUS_CODES[statusCode] as string, message };
}

/** Named, so that the published types do not spell out those of one version of Fastify. */
type UnavailableConstructor = new (options?: {
  readonly cause?: unknown;
}) => HttpError & {
  readonly headers: Record<string, string>;
};

/** Creates a 503 error with a `Retry-After` header (RFC 9110, section 10.2.3). */
function unavailable(code: string, message: string, retryAfterSeconds: number): UnavailableConstructor {
  return class extends createError(code, message, 503) {
    readonly headers = { 'retry-after': String(retryAfterSeconds) };
  };
}
