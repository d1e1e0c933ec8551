import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HttpError } from '../errors.ts';
import { addVary } from '../http/vary.ts';
import { type NextOptions, safeNext } from '../pages/next.ts';
import type { Page, RenderPage } from '../pages/render.ts';
import { errorTexts, texts } from '../pages/texts.ts';
import type { MaybePromise } from '../types.ts';
import { applyError } from './error-handler.ts';

/** Renders the error of a route as a page of its own. Returns `undefined` to have the common error page. */
type RenderError = (request: FastifyRequest, error: HttpError) => MaybePromise<Page | undefined>;

/** How pages are sent. */
interface PageView {
  readonly headers: Readonly<Record<string, string>>;
  readonly render: RenderPage;
}

interface PagesContext {
  readonly next: NextOptions;
  readonly own: PageView;
  /** For a page that a proxy shows at the origin of another app. */
  readonly atApp: PageView;
}

export const kPages = Symbol('pages');

declare module 'fastify' {
  interface FastifyInstance {
    [kPages]?: PagesContext;
  }

  interface FastifyContextConfig {
    errorPage?: RenderError;
  }
}

/** Sends a page: the reply decorator `page`. */
export function sendPage(this: FastifyReply, page: Page): FastifyReply {
  return send(this, contextOf(this.request).own, page);
}

/** Not the decorator: the reply to a request without a route has none. */
function send(reply: FastifyReply, { headers, render }: PageView, page: Page): FastifyReply {
  return reply.headers(headers).send(render(page));
}

function contextOf({ server }: FastifyRequest): PagesContext {
  return server[kPages] as PagesContext;
}

/**
 * Sends an error as a page, with the status and the headers of the error. The user is asked to sign in if that is all that
 * is missing, and comes back afterwards.
 */
export function sendErrorPage(request: FastifyRequest, reply: FastifyReply, error: HttpError): void {
  const context = contextOf(request);
  const { basePath } = context.next;
  const signInUrl = signInUrlAfter(request, error, context);
  addVary(reply, 'Accept');
  if (signInUrl !== undefined) {
    reply.redirect(signInUrl, 303);
    return;
  }
  const pageOf = async () =>
    (await request.routeOptions.config.errorPage?.(request, error)) ?? errorPageOf(error, basePath);
  pageOf()
    .then((page) => send(reply, context.own, page))
    // If the page of the route fails as well, such as the account page without a store, that error has the common page.
    .catch((failure) => send(reply, context.own, errorPageOf(applyError(failure, request, reply), basePath)));
}

/** The same for a reply that a proxy shows at the origin of another app. The account page would not help there. */
export function sendErrorPageAtApp(
  request: FastifyRequest,
  reply: FastifyReply,
  error: HttpError,
  signInUrl: string | undefined,
): void {
  const link = signInUrl === undefined ? undefined : { url: signInUrl, text: texts.error.toSignIn };
  send(reply, contextOf(request).atApp, { ...errorPageOf(error, ''), link });
}

const ACCOUNT = '/account';

/** Where to sign in before going to the account page. */
function accountSignInUrl(basePath: string): string {
  return `${basePath}/signin?next=${encodeURIComponent(`${basePath}${ACCOUNT}`)}`;
}

/** Where to sign in before going to `target`, if a sign-in may lead there. */
export function signInPath(target: string, next: NextOptions): string {
  const safe = safeNext(target, next);
  return `${next.basePath}/signin${safe === undefined ? '' : `?next=${encodeURIComponent(safe)}`}`;
}

/** Where to sign in, if the request needs nothing else. An action that needs a recent sign-in is on the account page. */
function signInUrlAfter({ method, url }: FastifyRequest, { code }: HttpError, { next }: PagesContext) {
  if (code === 'SIGN_IN_AGAIN') {
    return accountSignInUrl(next.basePath);
  }
  if (code === 'NOT_SIGNED_IN' && (method === 'GET' || method === 'HEAD')) {
    return signInPath(`${next.basePath}${url}`, next);
  }
  return undefined;
}

/** The common page of an error. */
export function errorPageOf({ code, statusCode, headers }: HttpError, basePath: string): Page {
  const retryAfter = headers?.['retry-after'];
  return {
    template: 'error',
    ...(errorTexts[code] as { title: string; message: string }),
    hasError: true,
    wait: retryAfter && texts.error.tryAgain(texts.wait(Number(retryAfter))),
    link: linkAfter(code, statusCode, basePath),
  };
}

function linkAfter(code: string, statusCode: number, basePath: string) {
  if (code === 'PASSWORD_LINK_INVALID') {
    // The user of a link is seldom signed in, and the start page then leads to the sign-in page.
    return { url: `${basePath}/`, text: texts.error.toSignIn };
  }
  return statusCode === 401
    ? { url: accountSignInUrl(basePath), text: texts.error.toSignIn }
    : { url: `${basePath}${ACCOUNT}`, text: texts.error.toAccount };
}
