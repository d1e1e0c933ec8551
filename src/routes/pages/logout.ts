import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { ignoreBodies } from '../../plugins/content-type-parsers.ts';
import { refuseCrossOrigin } from '../../plugins/cross-origin-guard.ts';
import { FOR_PAGES } from '../../plugins/pages.ts';
import { refuseEmbeddedLoad } from '../logout.ts';
import { sessionError } from './account-view.ts';

/** Ends the session and shows the sign-in page, which says so. */
export const logoutPage: FastifyPluginAsyncTypebox = async (app) => {
  ignoreBodies(app);
  const options = {
    constraints: FOR_PAGES,
    config: { errorPage: sessionError },
    schema: { hide: true, description: 'Signed out: to the sign-in page.' },
  };
  const onRequest = [refuseCrossOrigin, refuseEmbeddedLoad];
  // Without HEAD, like the route for other requests.
  app.get('/logout', { ...options, onRequest, exposeHeadRoute: false }, logOut);
  app.post('/logout', options, logOut);
  app.get(
    '/logout/clear',
    { schema: { hide: true }, onRequest: refuseCrossOrigin, exposeHeadRoute: false },
    clearCache,
  );
};

/**
 * Removes the pages of this origin from the back/forward cache. Chromium restores them in spite of `no-store`, and without
 * scripts they do not load again. The sign-in page loads this as an image: with the header in its own reply, the page before
 * it would come into the cache afterwards. Browsers ignore the header over plain HTTP, except for addresses of the machine.
 */
async function clearCache(_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  return reply.code(204).header('clear-site-data', '"cache"').send();
}

async function logOut({ server }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  try {
    await reply.signOut();
  } catch (error) {
    // Without a cookie there is nothing to end.
    if ((error as FastifyError).code !== 'NOT_SIGNED_IN') {
      throw error;
    }
  }
  return reply.redirect(server.pagePath('/signin?signed-out'), 303);
}
