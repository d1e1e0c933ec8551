import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { ignoreBodies } from '../../plugins/content-type-parsers.ts';
import { refuseCrossOrigin } from '../../plugins/cross-origin-guard.ts';
import { FOR_PAGES } from '../../plugins/pages.ts';
import { refuseEmbeddedLoad } from '../logout.ts';

/**
 * Removes the pages of this origin from the back/forward cache. Chromium restores them in spite of `no-store`, and only the
 * page script would load them again. Browsers ignore the header over plain HTTP, except for localhost.
 */
const WITHOUT_CACHED_PAGES = { 'clear-site-data': '"cache"' };

/** Ends the session and shows the sign-in page, which says so. */
export const logoutPage: FastifyPluginAsyncTypebox = async (app) => {
  ignoreBodies(app);
  const options = { constraints: FOR_PAGES, schema: { hide: true, description: 'Signed out: to the sign-in page.' } };
  const onRequest = [refuseCrossOrigin, refuseEmbeddedLoad];
  // Without HEAD, like the route for other requests.
  app.get('/logout', { ...options, onRequest, exposeHeadRoute: false }, logOut);
  app.post('/logout', options, logOut);
};

async function logOut({ server }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  try {
    await reply.signOut();
  } catch (error) {
    // Without a cookie there is nothing to end.
    if ((error as FastifyError).code !== 'NOT_SIGNED_IN') {
      throw error;
    }
  }
  return reply.headers(WITHOUT_CACHED_PAGES).redirect(server.pagePath('/signin?signed-out'), 303);
}
