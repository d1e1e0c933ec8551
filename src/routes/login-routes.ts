import { Type } from '@sinclair/typebox';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { contentTypeParsers } from '../plugins/content-type-parsers.ts';
import { guardStateChanges } from '../plugins/cross-origin-guard.ts';
import { errorHandler, isHttpError } from '../plugins/error-handler.ts';
import { forbidCaching } from '../plugins/session-context.ts';
import { OF_FASTIFY, readOptions } from '../settings.ts';
import { addComponents } from './components.ts';
import { logout } from './logout.ts';
import { password } from './password.ts';
import { passwordLink } from './password-link.ts';
import { refresh } from './refresh.ts';
import { sessionRoutes } from './sessions.ts';
import { signin } from './signin.ts';

export interface LoginRoutesOptions {
  /** The path before the routes, such as `/auth`. Default: none. */
  readonly prefix?: string;
}

const OPTIONS = { prefix: Type.Optional(Type.String({ description: 'a path' })) };

/** The limit that the error `BodyTooLarge` states. */
const BODY_LIMIT = 16 * 1024;

/**
 * The routes of the service for signing in and out, the sessions and the password of a user, in a scope of their own: with
 * their parsers, their errors and the cross-origin guard, which takes the options of the plugin `crossOriginGuard` if the app
 * has it. Register the plugin `login` before them.
 */
export async function loginRoutes(app: FastifyInstance, options: LoginRoutesOptions): Promise<void> {
  readOptions('loginRoutes', OPTIONS, options, OF_FASTIFY);
  if (!app.hasReplyDecorator('signIn')) {
    throw new Error('loginRoutes: the plugin login is missing. Register it before loginRoutes.');
  }
  app.setErrorHandler(handleError);
  app.addHook('onRoute', limitBody);
  app.addHook('onRequest', (_request, reply, done) => {
    forbidCaching(reply);
    done();
  });
  addComponents(app);
  await app.register(contentTypeParsers);
  // Also without the plugin crossOriginGuard. With it, its options apply, and the hook runs a second time.
  app.addHook('onRequest', guardStateChanges);
  await app.register(signin);
  await app.register(refresh);
  await app.register(logout);
  await app.register(sessionRoutes);
  await app.register(password);
  await app.register(passwordLink);
}

/** An error of another plugin of the app, such as a rate limit, is for the error handler of the app. */
function handleError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  if (!isForeign(error)) {
    errorHandler(error, request, reply);
    return;
  }
  // The schemas of the routes describe the errors of the catalogue. The app may reply something else.
  reply.serializer((payload) => JSON.stringify(payload));
  // The default error handler of Fastify applies the schema, which requires a code.
  if (error.code === undefined && Object.isExtensible(error)) {
    error.code = `HTTP_${error.statusCode}`;
  }
  throw error;
}

/** Whether the error says what to reply, and comes neither from the catalogue nor from Fastify. */
function isForeign(error: FastifyError): boolean {
  return error.statusCode !== undefined && !isHttpError(error) && !/^FST_/.test(error.code ?? '');
}

function limitBody(route: RouteOptions): void {
  route.bodyLimit = BODY_LIMIT;
}
