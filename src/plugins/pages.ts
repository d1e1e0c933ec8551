import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import Negotiator from 'negotiator';
import type { HttpError } from '../errors.ts';
import { originMatcher } from '../http/trusted-origins.ts';
import { type NextOptions, safeNext } from '../pages/next.ts';
import { createRenderer, type Page, type RenderPage, type Site } from '../pages/render.ts';
import { errorTexts, texts } from '../pages/texts.ts';
import type { MaybePromise } from '../types.ts';
import { applyError, kErrorPages } from './error-handler.ts';

export interface PagesOptions extends Omit<NextOptions, 'isTrustedOrigin'> {
  readonly name: string;
  /** Where a sign-in may lead, besides this service. */
  readonly trustedOrigins: readonly string[];
  /** The file names of the operator's assets, such as `site-logo.svg`. */
  readonly logo?: string | undefined;
  readonly styles?: string | undefined;
}

/** Renders the error of a route as a page of its own. Returns `undefined` to have the common error page. */
type RenderError = (request: FastifyRequest, error: HttpError) => MaybePromise<Page | undefined>;

interface PagesContext {
  readonly next: NextOptions;
  readonly headers: Readonly<Record<string, string>>;
  readonly render: RenderPage;
  /** For a page that a proxy shows at the origin of another app. */
  readonly elsewhere: Pick<PagesContext, 'headers' | 'render'>;
}

const kPages = Symbol('pages');

declare module 'fastify' {
  interface FastifyInstance {
    [kPages]?: PagesContext;
    /** The path of a route as browsers see it: below the path of `PUBLIC_URL`. */
    pagePath(path: string): string;
    /** Where a sign-in may lead: see `safeNext`. */
    safeNext(text: unknown): string | undefined;
    /** Whether a URL is of a trusted origin. */
    isTrustedPage(url: string): boolean;
    /** The URL of the sign-in page, which leads to `next` if a sign-in may lead there. */
    signInUrl(next: string): string;
  }

  interface FastifyReply {
    /** Sends a page. */
    page(page: Page): FastifyReply;
  }

  interface FastifyContextConfig {
    errorPage?: RenderError;
  }
}

/** The constraint of a route that answers page requests. */
export const FOR_PAGES = { page: true } as const;

/**
 * Server-rendered pages. A *page request* prefers `text/html` over `application/json`. A route with the constraint
 * {@link FOR_PAGES} answers page requests, and one without it all others. Errors of page requests are pages.
 */
export const pages = fp(registerPages, { name: 'session-cookie-login/pages', fastify: '5.x' });

async function registerPages(app: FastifyInstance, options: PagesOptions): Promise<void> {
  const { basePath } = options;
  app.addConstraintStrategy({
    name: 'page',
    storage: createStorage,
    deriveConstraint: ({ headers }) => wantsPage(headers) || undefined,
  });
  const next = { ...options, isTrustedOrigin: originMatcher(options.trustedOrigins) };
  const site = siteOf(app, options);
  app[kPages] = {
    next,
    headers: headersFor(options),
    render: createRenderer(site),
    elsewhere: { headers: headersElsewhere(options), render: createRenderer(siteElsewhere(site, options)) },
  };
  app[kErrorPages] = { isPageRequest, sendErrorPage, sendErrorPageElsewhere };
  app.decorate('pagePath', (path) => `${basePath}${path}`);
  app.decorate('safeNext', (text) => safeNext(text, next));
  app.decorate('isTrustedPage', (url) => URL.canParse(url) && next.isTrustedOrigin(new URL(url).origin));
  app.decorate('signInUrl', (target) => `${options.publicOrigin}${signInPath(target, next)}`);
  app.decorateReply('page', sendPage);
  app.addHook('onRoute', varyByAccept);
}

function siteOf(app: FastifyInstance, { name, basePath, logo, styles }: PagesOptions): Site {
  return {
    name,
    basePath,
    logo: logo && app.assetUrl(logo),
    icon: app.assetUrl(logo ?? 'icon.svg'),
    styles: ['styles.css', ...(styles ? [styles] : [])].map((file) => app.assetUrl(file)),
    script: app.assetUrl('page.js'),
  };
}

/** With absolute URLs. The page script would need CORS, and an error page does without it. */
function siteElsewhere({ script: _, ...site }: Site, { basePath, publicOrigin }: PagesOptions): Site {
  return {
    ...site,
    basePath: `${publicOrigin}${basePath}`,
    icon: `${publicOrigin}${site.icon}`,
    logo: site.logo && `${publicOrigin}${site.logo}`,
    styles: site.styles.map((path) => `${publicOrigin}${path}`),
  };
}

/** What the router needs of a constraint: the handlers by value. */
function createStorage<T>() {
  const handlers = new Map<unknown, T>();
  return {
    get: (value: unknown) => handlers.get(value) ?? null,
    set: (value: unknown, handler: T) => void handlers.set(value, handler),
  };
}

const HTML = 'text/html';
const AVAILABLE = ['application/json', HTML];

/** Browsers send less than 200 characters. To parse a header of the longest length takes milliseconds. */
const MAX_ACCEPT_LENGTH = 1024;

/**
 * Whether an `Accept` header prefers HTML. Of types with one weight the first is preferred; a header with wildcards only
 * prefers JSON.
 */
export function prefersHtml(accept = ''): boolean {
  return (
    accept.length <= MAX_ACCEPT_LENGTH &&
    accept.toLowerCase().includes(HTML) &&
    new Negotiator({ headers: { accept } }).mediaType(AVAILABLE) === HTML
  );
}

/** No form sends JSON. Some API clients prefer HTML by default. */
function wantsPage({ accept, 'content-type': type = '' }: IncomingHttpHeaders): boolean {
  return prefersHtml(accept) && !/^application\/json\b/i.test(type);
}

function isPageRequest({ headers }: FastifyRequest): boolean {
  return wantsPage(headers);
}

/** `form-action` also applies to the redirect after a form, which may lead to a trusted origin. */
function headersFor({ trustedOrigins }: PagesOptions): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    ['form-action', "'self'", ...trustedOrigins].join(' '),
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ];
  return pageHeaders(policy);
}

function headersElsewhere({ publicOrigin }: PagesOptions): Record<string, string> {
  return pageHeaders([
    "default-src 'none'",
    `style-src ${publicOrigin}`,
    `img-src ${publicOrigin}`,
    "form-action 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ]);
}

function pageHeaders(policy: string[]): Record<string, string> {
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    // With no-referrer, browsers send `Origin: null` over plain HTTP, which the cross-origin guard refuses.
    'referrer-policy': 'same-origin',
    'cache-control': 'no-store',
  };
}

function sendPage(this: FastifyReply, page: Page): FastifyReply {
  return send(this, contextOf(this.request.server), page);
}

/** Not the decorator: the reply to a request without a route has none. */
function send(
  reply: FastifyReply,
  { headers, render }: Pick<PagesContext, 'headers' | 'render'>,
  page: Page,
): FastifyReply {
  return reply.headers(headers).send(render(page));
}

function contextOf(app: FastifyInstance): PagesContext {
  return app[kPages] as PagesContext;
}

/**
 * Marks the replies of the routes for page requests. Other replies stay as they are without pages: no cache stores a reply
 * of the service, except for files.
 */
function varyByAccept(route: RouteOptions): void {
  if (route.constraints?.page === true) {
    route.onSend = [...[route.onSend ?? []].flat(), async (_request, reply) => addVary(reply)];
  }
}

function addVary(reply: FastifyReply): void {
  const current = String(reply.getHeader('vary') ?? '');
  if (!/\baccept\b(?!-)/i.test(current)) {
    reply.header('vary', current === '' ? 'Accept' : `${current}, Accept`);
  }
}

/**
 * Sends an error as a page, with the status and the headers of the error. The user is asked to sign in if that is all that
 * is missing, and comes back afterwards.
 */
function sendErrorPage(request: FastifyRequest, reply: FastifyReply, error: HttpError): void {
  const context = contextOf(request.server);
  const { basePath } = context.next;
  const signInUrl = signInUrlAfter(request, error, context);
  addVary(reply);
  if (signInUrl !== undefined) {
    reply.redirect(signInUrl, 303);
    return;
  }
  const pageOf = async () =>
    (await request.routeOptions.config.errorPage?.(request, error)) ?? errorPageOf(error, basePath);
  pageOf()
    .then((page) => send(reply, context, page))
    // If the page of the route fails as well, such as the account page without a store, that error has the common page.
    .catch((failure) => send(reply, context, errorPageOf(applyError(failure, request, reply), basePath)));
}

/** The same for a reply that a proxy shows at the origin of another app. */
function sendErrorPageElsewhere(request: FastifyRequest, reply: FastifyReply, error: HttpError): void {
  const { elsewhere, next } = contextOf(request.server);
  send(reply, elsewhere, errorPageOf(error, `${next.publicOrigin}${next.basePath}`));
}

const ACCOUNT = '/account';

/** Where to sign in before going to the account page. */
function accountSignInUrl(basePath: string): string {
  return `${basePath}/signin?next=${encodeURIComponent(`${basePath}${ACCOUNT}`)}`;
}

/** Where to sign in before going to `target`, if a sign-in may lead there. */
function signInPath(target: string, next: NextOptions): string {
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
    link:
      statusCode === 401
        ? { url: accountSignInUrl(basePath), text: texts.error.toSignIn }
        : { url: `${basePath}${ACCOUNT}`, text: texts.error.toAccount },
  };
}
