import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import {
  BadRequest,
  BodyTooLarge,
  type CatalogueError,
  catalogue,
  errorReply,
  InternalError,
  InvalidInput,
  MethodNotAllowed,
  NotFound,
  UnsupportedMediaType,
  UriTooLong,
} from '../errors.ts';
import { logEvent } from '../security-events.ts';

/** Answers every error, whoever threw it, with one of the catalogue and in one shape. */
export const errors = fp(registerErrors, { name: 'errors', fastify: '5.x' });

async function registerErrors(app: FastifyInstance): Promise<void> {
  const methodsOf = new Map<string, string[]>();
  app.addHook('onRoute', ({ url, method }) => {
    methodsOf.set(url, [...(methodsOf.get(url) ?? []), ...[method].flat()]);
  });
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((request, reply) => answerNotFound(methodsOf, request, reply));
}

/** Fastify's error handler and, for errors from before a route is found, its `frameworkErrors`. */
export function answerError(thrown: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const error = toCatalogue(thrown);
  const { headers = {}, statusCode } = error;
  log(request, thrown, error);
  reply.code(statusCode).headers(headers).send(errorReply(error));
}

/** What failed is an error with its cause and stack; what we refused is told by its code. */
function log(
  request: FastifyRequest,
  thrown: FastifyError,
  { statusCode, code, message }: CatalogueError,
): void {
  if (statusCode === 400) {
    logEvent(request, 'input_validation_fail', { reason: message });
  } else if (statusCode < 500) {
    request.log.debug({ code }, message);
  } else if (isOfCatalogue(thrown) && thrown.cause === undefined) {
    request.log.warn({ code }, message);
  } else {
    request.log.error({ err: thrown }, message);
  }
}

/** The address is looked up as it is, and not as a pattern, which Fastify's `hasRoute` would take it for. */
function answerNotFound(
  methodsOf: ReadonlyMap<string, readonly string[]>,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const allowed = methodsOf.get(request.url.replace(/\?.*/s, ''));
  if (allowed === undefined) {
    throw new NotFound();
  }
  reply.header('allow', allowed.join(', '));
  throw new MethodNotAllowed();
}

/** Errors of Fastify and its plugins by status. What is not among them, and is no 4xx, is a fault of ours. */
const BY_STATUS = new Map<number | undefined, new () => CatalogueError>([
  // The static files of the docs: a path that leads out of their folder.
  [403, NotFound],
  [413, BodyTooLarge],
  [414, UriTooLong],
  [415, UnsupportedMediaType],
]);

function toCatalogue(thrown: FastifyError): CatalogueError {
  if (isOfCatalogue(thrown)) {
    return thrown;
  }
  if (thrown.validation) {
    return new InvalidInput(thrown.message);
  }
  const Entry = BY_STATUS.get(thrown.statusCode) ?? (isClientError(thrown) ? BadRequest : InternalError);
  return new Entry();
}

function isClientError({ statusCode = 500 }: FastifyError): boolean {
  return statusCode >= 400 && statusCode < 500;
}

function isOfCatalogue(thrown: FastifyError): thrown is CatalogueError {
  return catalogue.some((Entry) => thrown instanceof Entry);
}
