import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import type { FastifyError, FastifyRequest } from 'fastify';
import { doneTexts } from '../../pages/texts.ts';
import { ignoreBodies } from '../../plugins/content-type-parsers.ts';
import { FOR_PAGES } from '../../plugins/pages.ts';
import { requireRecentSignIn, requireSession } from '../../plugins/session-guards.ts';
import { accountPageOf } from './account-view.ts';
import type { PageRoutesOptions } from './page-routes.ts';

/** The name of a text that says what was done. */
type Done = keyof typeof doneTexts;

const options = { constraints: FOR_PAGES, schema: { hide: true } };
const paramsSchema = { hide: true, params: Type.Object({ id: Type.String() }) };

/** The account page and what its buttons do. */
export const accountPage: FastifyPluginAsyncTypebox<PageRoutesOptions> = async (app, { passwordMinLength }) => {
  ignoreBodies(app);
  const doneUrl = (done: Done) => app.pagePath(`/account?done=${done}`);
  app.get('/account', { ...options, onRequest: requireSession }, async (request, reply) => {
    const { done } = request.query as { done?: unknown };
    const notice = Object.hasOwn(doneTexts, String(done)) ? doneTexts[done as Done] : undefined;
    return reply.page({ ...(await accountPageOf(request, passwordMinLength)), notice });
  });
  app.post(
    '/account/sessions/:id/end',
    { constraints: FOR_PAGES, schema: paramsSchema, onRequest: requireRecentSignIn },
    async (request, reply) => reply.redirect(doneUrl(await revoke(request, request.params.id)), 303),
  );
  app.post('/account/sessions/end-others', { ...options, onRequest: requireRecentSignIn }, async (request, reply) => {
    await request.revokeOtherSessions();
    return reply.redirect(doneUrl('others'), 303);
  });
  app.post('/refresh', options, async (_request, reply) => {
    await reply.refreshSession();
    return reply.redirect(doneUrl('extended'), 303);
  });
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
