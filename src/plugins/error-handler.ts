import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import findMyWay, { type HTTPMethod } from 'find-my-way';
import {
  BadRequest,
  BodyTooLarge,
  errorBody,
  type HttpError,
  httpErrors,
  InternalError,
  InvalidInput,
  MethodNotAllowed,
  NotFound,
  UnsupportedMediaType,
  UriTooLong,
} from '../errors.ts';
import { logEvent, mayLog } from '../http/security-events.ts';

/** What sends errors as pages. The plugin `pages` sets it. This module must not load the packages of the pages. */
interface ErrorPages {
  isPageRequest(request: FastifyRequest): boolean;
  sendErrorPage(request: FastifyRequest, reply: FastifyReply, error: HttpError): void;
  sendErrorPageAtApp(
    request: FastifyRequest,
    reply: FastifyReply,
    error: HttpError,
    signInUrl: string | undefined,
  ): void;
}

export const kErrorPages = Symbol('error-pages');

declare module 'fastify' {
  interface FastifyInstance {
    [kErrorPages]?: ErrorPages;
  }
}

/** Answers every error with an entry of the catalogue, in one shape. */
export const errors = fp(registerErrors, { name: 'session-cookie-login/errors', fastify: '5.x' });

async function registerErrors(app: FastifyInstance): Promise<void> {
  const routes = { all: new KnownRoutes(), api: new KnownRoutes() };
  app.addHook('onRoute', ({ url, method, constraints = {} }) => {
    if (url === '*') {
      // It answers preflights of any address, also of one that does not exist.
      return;
    }
    const isForPages = 'page' in constraints;
    for (const known of isForPages ? [routes.all] : [routes.all, routes.api]) {
      known.add([method].flat() as HTTPMethod[], url);
    }
  });
  // Node would answer these requests itself, in another shape and without our headers.
  app.addHook('onRequest', (request, _reply, done) => {
    const lacksHost = request.headers.host === undefined && request.raw.httpVersion === '1.1';
    done(lacksHost ? new BadRequest() : undefined);
  });
  app.server.on('checkExpectation', (request, response) => app.routing(request, response));
  app.setErrorHandler(errorHandler);
  app.setNotFoundHandler((request, reply) => notFoundHandler(routes, request, reply));
}

/** The error handler of Fastify. It also serves as `frameworkErrors`, for errors before a route is found. */
export function errorHandler(thrown: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const error = applyError(thrown, request, reply);
  const pages = pagesFor(request);
  if (pages === undefined) {
    reply.send(errorBody(error));
  } else {
    pages.sendErrorPage(request, reply, error);
  }
}

/** Logs an error and sets the status and the headers of the reply. Returns the entry of the catalogue. */
export function applyError(thrown: FastifyError, request: FastifyRequest, reply: FastifyReply): HttpError {
  const error = toHttpError(thrown);
  const { headers = {}, statusCode } = error;
  log(request, thrown, error);
  reply.code(statusCode).headers(headers);
  return error;
}

/**
 * Sends an error that a proxy passes to the client of another app. The status and the headers are set.
 * `signInUrl` is where the user can sign in, if that helps.
 */
export function sendErrorAtApp(
  request: FastifyRequest,
  reply: FastifyReply,
  error: HttpError,
  signInUrl: string | undefined,
): void {
  const pages = pagesFor(request);
  if (pages === undefined) {
    reply.send(errorBody(error));
  } else {
    pages.sendErrorPageAtApp(request, reply, error, signInUrl);
  }
}

/** What sends the errors of the request as pages. `undefined` if they are sent as JSON. */
function pagesFor(request: FastifyRequest): ErrorPages | undefined {
  const pages = request.server[kErrorPages];
  return pages?.isPageRequest(request) ? pages : undefined;
}

/** A failure is logged as an error with cause and stack, a rejected request with its code only. */
function log(request: FastifyRequest, thrown: FastifyError, { statusCode, code, message }: HttpError): void {
  if (statusCode === 400) {
    logEvent(request, 'input_validation_fail', { reason: message });
  } else if (statusCode < 500) {
    request.log.debug({ code }, message);
  } else if (mayLog(request, code)) {
    const isExpected = isHttpError(thrown) && thrown.cause === undefined;
    request.log[isExpected ? 'warn' : 'error'](isExpected ? { code } : { err: thrown }, message);
  }
}

/** The methods of routes, by the URL of a request. Fastify's `hasRoute` takes a pattern, not such a URL. */
class KnownRoutes {
  readonly #router = findMyWay();
  readonly #methods = new Set<HTTPMethod>();

  add(methods: readonly HTTPMethod[], pattern: string): void {
    for (const method of methods) {
      this.#methods.add(method);
      // A page and a route for other clients may have one URL.
      if (!this.#router.hasRoute(method, pattern)) {
        this.#router.on(method, pattern, () => {});
      }
    }
  }

  methodsOf(path: string): string[] {
    return [...this.#methods].filter((method) => this.#router.find(method, path));
  }
}

/** `all` has the routes that page requests can use, `api` those for other requests. */
function notFoundHandler(
  { all, api }: { readonly all: KnownRoutes; readonly api: KnownRoutes },
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const known = pagesFor(request) === undefined ? api : all;
  const allowed = known.methodsOf(request.url.replace(/\?.*/s, ''));
  if (allowed.length === 0) {
    throw new NotFound();
  }
  reply.header('allow', allowed.join(', '));
  throw new MethodNotAllowed();
}

/** Errors of Fastify and its plugins, by status. Any other error that is not a 4xx is an internal one. */
const BY_STATUS = new Map<number | undefined, new () => HttpError>([
  [413, BodyTooLarge],
  [414, UriTooLong],
  [415, UnsupportedMediaType],
]);

function toHttpError(thrown: FastifyError): HttpError {
  if (isHttpError(thrown)) {
    return thrown;
  }
  if (thrown.validation) {
    return new InvalidInput(thrown.message);
  }
  const { statusCode = 500 } = thrown;
  const isClientError = statusCode >= 400 && statusCode < 500;
  return new (BY_STATUS.get(statusCode) ?? (isClientError ? BadRequest : InternalError))();
}

/** Whether the error is of the catalogue. */
export function isHttpError(thrown: FastifyError): thrown is HttpError {
  return httpErrors.some((Entry) => thrown instanceof Entry);
}
