import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { FOR_PAGES } from '../../plugins/pages.ts';
import { requireSession } from '../../plugins/session-guards.ts';
import { PasswordChange } from '../password.ts';
import { accountAfterError } from './account-view.ts';
import type { PageRoutesOptions } from './schemas.ts';

/** Changes the password. The form is on the account page. */
export const passwordPage: FastifyPluginAsyncTypebox<PageRoutesOptions> = async (app, options) => {
  const schema = { hide: true, description: 'Changed: to the account page.', body: PasswordChange };
  const config = { errorPage: accountAfterError(options) };
  app.post(
    '/password',
    { constraints: FOR_PAGES, schema, config, onRequest: requireSession },
    async (request, reply) => {
      const { currentPassword, newPassword } = request.body;
      await reply.changePassword(currentPassword, newPassword);
      return reply.redirect(app.pagePath('/account?done=password'), 303);
    },
  );
};
