import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { type HttpError, InvalidInput } from '../../errors.ts';
import type { Page } from '../../pages/render.ts';
import { texts } from '../../pages/texts.ts';
import { FOR_PAGES } from '../../plugins/pages.ts';
import { PasswordByLink } from '../password-link.ts';
import { formError } from './form-error.ts';
import { errorPages, type PageRoutesOptions, pageResponse } from './schemas.ts';

const formSchema = {
  operationId: 'showPasswordLinkPage',
  tags: ['pages'],
  summary: 'Show the page of a link to set a password',
  description: 'The page is the same for every token. Only the form uses the link up.',
  security: [],
  querystring: Type.Object({ token: Type.Optional(Type.String({ maxLength: 2048 })) }),
  response: { 200: pageResponse('The form for a new password.'), ...errorPages(InvalidInput) },
};

const schema = { hide: true, description: 'Set: to the sign-in page.', body: PasswordByLink };

/** These errors show the form again. All others have a page of their own. */
const ON_THE_FORM: ReadonlySet<number> = new Set([400, 429, 503]);

const t = texts.passwordLink;

/** The page that a link of the operator opens. */
export const passwordLinkPage: FastifyPluginAsyncTypebox<PageRoutesOptions> = async (app, options) => {
  app.get('/password/link', { constraints: FOR_PAGES, schema: formSchema }, async (request, reply) =>
    // The URL has the token: browsers must send only the origin as Referer. With no-referrer they would send `Origin: null`
    // over plain HTTP, which the cross-origin guard refuses.
    reply.page(formFor(request.query.token, options)).header('referrer-policy', 'strict-origin'),
  );
  const config = { errorPage: formAfterError(options) };
  app.post('/password/link', { constraints: FOR_PAGES, schema, config }, async (request, reply) => {
    await reply.usePasswordLink(request.body.token, request.body.newPassword);
    return reply.redirect(app.pagePath('/signin?password-set'), 303);
  });
};

function formFor(token: unknown, { passwordMinLength }: PageRoutesOptions): Page {
  return {
    template: 'password-link',
    title: t.title,
    token: typeof token === 'string' ? token : '',
    hint: t.hint(passwordMinLength),
  };
}

function formAfterError(options: PageRoutesOptions) {
  return (request: FastifyRequest, error: HttpError): Page | undefined =>
    ON_THE_FORM.has(error.statusCode)
      ? { ...formFor(Object(request.body).token, options), hasError: true, error: formError(error, t) }
      : undefined;
}
