import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyError, FastifyRequest } from 'fastify';
import { SeveralSessionCookies, StoreUnavailable } from '../../errors.ts';
import { doneTexts } from '../../pages/texts.ts';
import { ignoreBodies } from '../../plugins/content-type-parsers.ts';
import { guardRefresh } from '../../plugins/cross-origin-guard.ts';
import { FOR_PAGES } from '../../plugins/pages.ts';
import { requireRecentSignIn, requireSession } from '../../plugins/session-guards.ts';
import { commonPostErrors, notSignedIn } from '../schemas.ts';
import { SessionId } from '../sessions.ts';
import { accountPageOf, endingError, sessionError } from './account-view.ts';
import { errorPages, type PageRoutesOptions, pageResponse, redirectResponse } from './schemas.ts';

/** The name of a text that says what was done. */
type Done = keyof typeof doneTexts;

const common = { tags: ['pages'], security: [{ sessionCookie: [] }] };
const actionErrors = errorPages(...commonPostErrors, ...notSignedIn, StoreUnavailable);

const getSchema = {
  ...common,
  operationId: 'showAccountPage',
  summary: 'Show the account page',
  description: 'Who is signed in, the sessions of the user, and the forms to end them and to change the password.',
  response: {
    200: pageResponse('The account page.'),
    303: redirectResponse('Not signed in: to the sign-in page, which leads back.'),
    ...errorPages(SeveralSessionCookies, StoreUnavailable),
  },
};

const endSchema = {
  ...common,
  operationId: 'endSessionOnPage',
  summary: 'End one of my sessions, from the account page',
  description: 'Requires a recent sign-in.',
  params: SessionId,
  response: {
    303: redirectResponse('To the account page, or to the sign-in page if the user must confirm the password.'),
    ...actionErrors,
  },
};

const endOthersSchema = {
  ...common,
  operationId: 'endOtherSessionsOnPage',
  summary: 'End all my other sessions, from the account page',
  description: 'Requires a recent sign-in.',
  response: endSchema.response,
};

const refreshSchema = { hide: true, description: 'Refreshed: to the account page.' };

const ending = { constraints: FOR_PAGES, onRequest: requireRecentSignIn, config: { errorPage: endingError } };

/** The account page and what its buttons do. */
export const accountPage: FastifyPluginAsyncTypebox<PageRoutesOptions> = async (app, options) => {
  ignoreBodies(app);
  const doneUrl = (done: Done) => app.pagePath(`/account?done=${done}`);
  app.get(
    '/account',
    { constraints: FOR_PAGES, schema: getSchema, onRequest: requireSession },
    async (request, reply) => {
      const { done } = request.query as { done?: unknown };
      const notice = Object.hasOwn(doneTexts, String(done)) ? doneTexts[done as Done] : undefined;
      return reply.page({ ...(await accountPageOf(request, options)), notice });
    },
  );
  app.post('/account/sessions/:id/end', { ...ending, schema: endSchema }, async (request, reply) =>
    reply.redirect(doneUrl(await revoke(request, request.params.id)), 303),
  );
  app.post('/account/sessions/end-others', { ...ending, schema: endOthersSchema }, async (request, reply) => {
    await request.revokeOtherSessions();
    return reply.redirect(doneUrl('others'), 303);
  });
  app.post(
    '/refresh',
    {
      constraints: FOR_PAGES,
      schema: refreshSchema,
      onRequest: guardRefresh,
      config: { errorPage: sessionError, crossOriginGuard: false },
    },
    async (_request, reply) => {
      await reply.refreshSession();
      return reply.redirect(doneUrl('extended'), 303);
    },
  );
};

/** A session that another tab has ended is not an error: the user wanted that. */
async function revoke(request: FastifyRequest, id: string): Promise<Done> {
  try {
    await request.revokeSession(id);
    return 'session';
  } catch (error) {
    if ((error as FastifyError).code === 'NO_SUCH_SESSION') {
      return 'gone';
    }
    throw error;
  }
}
