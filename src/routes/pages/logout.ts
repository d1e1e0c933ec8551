import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { texts } from '../../pages/texts.ts';
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
    schema: {
      hide: true,
      description:
        'Signed out: to the query parameter `next` if it is a path of this service or a URL of a trusted origin, else to the sign-in page. A link on a page of a trusted origin gets a page with one button instead.',
    },
  };
  const onRequest = [refuseCrossOrigin, refuseEmbeddedLoad];
  // Without HEAD, like the route for other requests.
  const forLinks = { ...options, onRequest: [askFirst, ...onRequest], exposeHeadRoute: false };
  app.get('/logout', forLinks, logOut);
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

/**
 * An onRequest hook: shows a page with one button to a user who has followed a link on a page of a trusted origin. A link alone must
 * not sign out: any site can have one, and `Referer` may be missing. The page has no `self`: the page script would load it again
 * with a request of this origin, which signs out.
 */
async function askFirst(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  const next = nextOf(request);
  if (!isTrustedLink(request, next)) {
    return undefined;
  }
  const action = next === undefined ? '/logout' : `/logout?next=${encodeURIComponent(next)}`;
  return reply.page({ template: 'logout', title: texts.signOut.title, action });
}

/** The page of the link is that of `Referer`. A page can suppress that header: then `next` must lead to a trusted origin. */
function isTrustedLink({ server, headers }: FastifyRequest, next = ''): boolean {
  const { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': destination } = headers;
  const isCrossOrigin = site === 'same-site' || site === 'cross-site';
  const isNavigation = mode === 'navigate' && destination === 'document' && !headers['sec-purpose'];
  return isCrossOrigin && isNavigation && server.isTrustedUrl(headers.referer ?? next);
}

function nextOf({ server, query }: FastifyRequest): string | undefined {
  return server.safeNext((query as Record<string, unknown>).next);
}

async function logOut(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  try {
    await reply.signOut();
  } catch (error) {
    // Without a cookie there is nothing to end.
    if ((error as FastifyError).code !== 'NOT_SIGNED_IN') {
      throw error;
    }
  }
  return reply.redirect(nextOf(request) ?? request.server.pagePath('/signin?signed-out'), 303);
}
