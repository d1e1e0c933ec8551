import { Type } from '@sinclair/typebox';
import type { FastifyInstance, RouteOptions } from 'fastify';
import { contentTypeParsers } from '../plugins/content-type-parsers.ts';
import { crossOriginGuard } from '../plugins/cross-origin-guard.ts';
import { errorHandler } from '../plugins/error-handler.ts';
import { readOptions } from '../settings.ts';
import { addComponents } from './components.ts';
import { logout } from './logout.ts';
import { password } from './password.ts';
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
 * their parsers, their errors, and a cross-origin guard if the app has none. Register the plugin `login` before them.
 */
export async function loginRoutes(app: FastifyInstance, options: LoginRoutesOptions): Promise<void> {
  readOptions('loginRoutes', OPTIONS, options);
  if (!app.hasReplyDecorator('signIn')) {
    throw new Error('loginRoutes: the plugin login is missing. Register it before loginRoutes.');
  }
  app.setErrorHandler(errorHandler);
  app.addHook('onRoute', limitBody);
  addComponents(app);
  await app.register(contentTypeParsers);
  if (!app.hasDecorator('refuseCrossOrigin')) {
    await app.register(crossOriginGuard);
  }
  await app.register(signin);
  await app.register(refresh);
  await app.register(logout);
  await app.register(sessionRoutes);
  await app.register(password);
}

function limitBody(route: RouteOptions): void {
  route.bodyLimit = BODY_LIMIT;
}
