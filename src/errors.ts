import { STATUS_CODES } from 'node:http';
import { createError, type FastifyError } from '@fastify/error';

/**
 * The error catalogue: all errors that the service responds with. Codes are stable. Messages are for people, can
 * change, and reveal no internals. The module has no dependencies in `src`, so that every layer can use it.
 */

/** An error of the catalogue. Fastify adds `headers`, if there are any, to the response. */
export type HttpError = FastifyError & { statusCode: number; headers?: Record<string, string> };

export type HttpErrorClass = new () => HttpError;

const catalogue: HttpErrorClass[] = [];

/** All errors of the catalogue. */
export const httpErrors: readonly HttpErrorClass[] = catalogue;

/** Malformed JSON, a malformed URL or an invalid header. */
export const BadRequest = define('BAD_REQUEST', 'The request is malformed.', 400);

/** The input does not match the schema of the route. The argument names the field and the reason, never the value. */
export const InvalidInput = define('INVALID_INPUT', 'Invalid input: %s', 400);

/** Same error for a missing, empty, unknown or wrong name or password, so that it does not reveal which one it is. */
export const InvalidCredentials = define('SIGN_IN_REFUSED', 'Wrong username or password.', 401);

/** The request has no live session. The reason is logged at debug level and never sent to the client. */
export const Unauthenticated = define('NOT_SIGNED_IN', 'Sign in first.', 401);

/**
 * The request has several session cookies, and not exactly one of them opens a live session. Another host of the domain,
 * or a page on a narrower path, has set a cookie of the same name.
 */
export const SeveralSessionCookies = define(
  'SEVERAL_SESSION_COOKIES',
  'The browser sends several session cookies. Sign in again. If that does not help, delete the cookies of this domain.',
  401,
);

/** The session is live, but the route requires a more recent sign-in. */
export const ReauthenticationRequired = define('SIGN_IN_AGAIN', 'Sign in again to do this.', 403);

/**
 * The request would give a bound session a new token, and does not prove that it comes from the browser of the session. The
 * session stays as it is. A browser that refreshes the session gets a challenge in `Secure-Session-Challenge`.
 */
export const DeviceProofRequired = define(
  'DEVICE_PROOF_REQUIRED',
  'This session is bound to its device: its browser must prove that it has the key.',
  403,
);

/** The browser registers a key, and the sign-in has not offered that, or the proof is wrong. */
export const DeviceKeyRefused = define('DEVICE_KEY_REFUSED', 'The key was not accepted.', 403);

/** The session is live, but not bound to its device. */
export const BoundSessionRequired = define(
  'BOUND_SESSION_REQUIRED',
  'This needs a session that is bound to its device.',
  403,
);

/** The current password of a password change is wrong. Not a 401, because the session is valid. */
export const WrongPassword = define('WRONG_PASSWORD', 'The current password is wrong.', 403);

/** The argument is the reason as a sentence. It never contains the password. */
export const NewPasswordRefused = define('NEW_PASSWORD_REFUSED', '%s', 400);

/** The name and the password of a sign-in are right, and the user must choose another password. */
export const PasswordExpired = define(
  'PASSWORD_EXPIRED',
  'The password has expired. Sign in with a new one in newPassword.',
  403,
);

/** The link to set a password has expired, was used or replaced, or never existed. The response does not reveal which. */
export const PasswordLinkInvalid = define('PASSWORD_LINK_INVALID', 'This link is not valid.', 403);

export const CrossOriginRefused = define(
  'CROSS_ORIGIN_REFUSED',
  'Cross-origin requests must not change state here.',
  403,
);

/** A client that is no trusted proxy asks for a decision about a request to an app. */
export const ProxyNotTrusted = define('PROXY_NOT_TRUSTED', 'Only a trusted proxy may ask this.', 403);

/** A proxy must say exactly once which request it asks about. */
export const ForwardedHeadersInvalid = define(
  'FORWARDED_HEADERS_INVALID',
  'The proxy does not say which request it asks about.',
  403,
);

/** A proxy asks about a request to an app that is not in `TRUSTED_ORIGINS`. */
export const TargetNotTrusted = define('TARGET_NOT_TRUSTED', 'This address is not protected by this service.', 403);

/** `GET /logout` that is not a page load by the user, but for example a prefetch or an image. */
export const NotANavigation = define('NOT_A_NAVIGATION', 'Open this address as a page.', 403);

/** The session does not exist or belongs to another user. The response does not reveal which. */
export const NoSuchSession = define('NO_SUCH_SESSION', 'You have no such session.', 404);

export const NotFound = define('NOT_FOUND', 'Not found.', 404);

export const MethodNotAllowed = define('METHOD_NOT_ALLOWED', 'The method is not allowed here.', 405);

export const RequestTimeout = define('REQUEST_TIMEOUT', 'The request took too long to arrive.', 408);

export const BodyTooLarge = define('BODY_TOO_LARGE', 'The body is larger than 16 KiB.', 413);

export const UriTooLong = define('URI_TOO_LONG', 'The URL is too long.', 414);

export const UnsupportedMediaType = define(
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
addToCatalogue(TooManyFailures);

export const HeadersTooLarge = define('HEADERS_TOO_LARGE', 'The request headers are too large.', 431);

/** A bug. The log has the details; the client gets only this message. */
export const InternalError = define('INTERNAL_ERROR', 'Something went wrong on our side.', 500);

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

/** The body of an error response, in the format of Fastify. */
export interface ErrorReply {
  readonly statusCode: number;
  readonly code: string;
  /** The reason phrase of the status, such as `Unauthorized`. */
  readonly error: string;
  readonly message: string;
}

/** Returns the response body of an error. */
export function errorBody({ statusCode, code, message }: HttpError): ErrorReply {
  return { statusCode, code, error: STATUS_CODES[statusCode] as string, message };
}

/** Creates an error of the catalogue. */
function define<C extends string, S extends number>(code: C, message: string, statusCode: S) {
  return addToCatalogue(createError(code, message, statusCode));
}

function addToCatalogue<T extends HttpErrorClass>(ErrorClass: T): T {
  catalogue.push(ErrorClass);
  return ErrorClass;
}

/** Named, so that the published types do not spell out those of one version of Fastify. */
type UnavailableConstructor = new (options?: {
  readonly cause?: unknown;
}) => HttpError & {
  readonly headers: Record<string, string>;
};

/** Creates a 503 error of the catalogue, with a `Retry-After` header (RFC 9110, section 10.2.3). */
function unavailable(code: string, message: string, retryAfterSeconds: number): UnavailableConstructor {
  return addToCatalogue(
    class extends createError(code, message, 503) {
      readonly headers = { 'retry-after': String(retryAfterSeconds) };
    },
  );
}
