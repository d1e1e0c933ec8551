import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { type HttpError, StoreUnavailable } from '../../errors.ts';
import type { Page } from '../../pages/render.ts';
import { texts } from '../../pages/texts.ts';
import { FOR_PAGES } from '../../plugins/pages.ts';
import { optionalSession } from '../../plugins/session-guards.ts';
import { Credentials } from '../signin.ts';
import { formError } from './form-error.ts';
import { errorPages, type PageRoutesOptions, pageResponse, redirectResponse } from './schemas.ts';

const homeSchema = {
  operationId: 'goHome',
  tags: ['pages'],
  summary: 'Go to the account page or the sign-in page',
  description: 'The account page if the user is signed in.',
  security: [],
  response: { 303: redirectResponse('To one of the two pages.'), ...errorPages(StoreUnavailable) },
};

const formSchema = {
  operationId: 'showSignInPage',
  tags: ['pages'],
  summary: 'Show the sign-in page',
  description: 'A signed-in user confirms the password here.',
  security: [],
  response: { 200: pageResponse('The sign-in page.'), ...errorPages(StoreUnavailable) },
};

const schema = {
  hide: true,
  description:
    'Signed in: to the form field `next` if it is a path of this service or a URL of a trusted origin, else to the account page.',
  body: Type.Composite([Credentials, Type.Object({ next: Type.Optional(Type.String()) })]),
};

/** These errors show the form again. All others have a page of their own. */
const ON_THE_FORM: ReadonlySet<number> = new Set([400, 401, 413, 415, 429, 503]);

const t = texts.signIn;

/** `/` and the sign-in page. */
export const signinPage: FastifyPluginAsyncTypebox<PageRoutesOptions> = async (app, pageOptions) => {
  const { deviceBound } = pageOptions;
  const options = { constraints: FOR_PAGES, onRequest: optionalSession };
  app.get('/', { ...options, schema: homeSchema }, async (request, reply) =>
    reply.redirect(app.pagePath(request.sessionOrNull ? '/account' : '/signin'), 303),
  );
  const config = { errorPage: formWithoutSession };
  app.get('/signin', { ...options, schema: formSchema, config }, async (request, reply) =>
    reply.page(formFor(request, deviceBound)),
  );
  app.post(
    '/signin',
    { constraints: FOR_PAGES, schema, config: { errorPage: formAfterError(pageOptions) } },
    async (request, reply) => {
      await reply.signIn(request.body);
      return reply.redirect(app.safeNext(request.body.next) ?? app.pagePath('/account'), 303);
    },
  );
};

/**
 * A user who is signed in comes here to confirm the password. After a link has set a password, that is another user: the link has
 * ended the sessions of its user.
 */
function formFor(request: FastifyRequest, deviceBound: boolean): Page {
  const query = request.query as Record<string, unknown>;
  const session = request.sessionOrNull;
  const notice = 'password-set' in query ? t.passwordSet : undefined;
  if (session !== null && notice === undefined) {
    const confirm = { title: t.confirmTitle, hint: t.confirmHint, submit: t.confirm };
    return { ...form(request, query.next, session.username), ...confirm };
  }
  const page = form(request, query.next, '');
  const hint = page.next && t.continueHint;
  if ('signed-out' in query) {
    return { ...page, hint, notice: t.signedOut, isSignedOut: true };
  }
  const mayBeSignedIn = deviceBound && isFromElsewhere(request);
  return { ...page, hint, notice, resumeAt: mayBeSignedIn && (page.next ?? request.server.pagePath('/account')) };
}

/** A user whose browser cannot refresh the session can sign in again. */
function formWithoutSession(request: FastifyRequest, error: HttpError): Page | undefined {
  const { next } = request.query as Record<string, unknown>;
  return error.code === 'SESSION_NOT_REFRESHED'
    ? { ...form(request, next, ''), hasError: true, error: formError(error, t) }
    : undefined;
}

/**
 * Whether a page of another origin has started the request, for example with a link. Such a request arrives without the cookie
 * if the token of a bound session has expired: the browser refreshes it only for requests that pages of this origin start.
 */
function isFromElsewhere({ headers }: FastifyRequest): boolean {
  return /^(cross|same)-site$/.test(String(headers['sec-fetch-site']));
}

/** The sign-in page after an error. If the user must choose another password, the form has a field for it. */
function formAfterError({ passwordMinLength }: PageRoutesOptions) {
  return (request: FastifyRequest, error: HttpError): Page | undefined => {
    const isExpired = error.code === 'PASSWORD_EXPIRED';
    if (!ON_THE_FORM.has(error.statusCode) && !isExpired) {
      return undefined;
    }
    // The body is what the client has sent, if it could be parsed.
    const { username, newPassword, next } = Object(request.body);
    return {
      ...form(request, next, typeof username === 'string' ? username : ''),
      hasError: true,
      error: formError(error, { ...t, uncertain: uncertainOutcome(request) }),
      isRefused: error.code === 'SIGN_IN_REFUSED',
      newPasswordHint: (isExpired || newPassword) && texts.account.newPasswordHint(passwordMinLength),
    };
  };
}

function form({ server }: FastifyRequest, nextText: unknown, username: string): Page {
  const next = server.safeNext(nextText);
  const self = next === undefined ? '/signin' : `/signin?next=${encodeURIComponent(next)}`;
  return { template: 'signin', title: t.title, submit: t.submit, self, next, username };
}

/** What the store may have done before it failed: it changes the password, and ends the session that came with the request. */
function uncertainOutcome({ server, body, headers: { cookie = '' } }: FastifyRequest): string | undefined {
  if (Object(body).newPassword) {
    return texts.account.changeUncertain;
  }
  return cookie.includes(server.sessionCookieName) ? t.uncertain : undefined;
}
