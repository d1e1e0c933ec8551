import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import Negotiator from 'negotiator';
import { DOCUMENT_HEADERS } from '../http/reply-headers.ts';
import { originMatcher } from '../http/trusted-origins.ts';
import { addVary } from '../http/vary.ts';
import { type NextOptions, safeNext } from '../pages/next.ts';
import { pageHeaders, pageHeadersAtApp } from '../pages/page-headers.ts';
import { createRenderer, type Page, type Site } from '../pages/render.ts';
import { kErrorPages } from './error-handler.ts';
import { kPages, sendErrorPage, sendErrorPageAtApp, sendPage, signInPath } from './error-pages.ts';

export interface PagesOptions extends Omit<NextOptions, 'isTrustedOrigin'> {
  readonly name: string;
  /** Where a sign-in may lead, besides this service. */
  readonly trustedOrigins: readonly string[];
  /** The file names of the operator's assets, such as `site-logo.svg`. */
  readonly logo?: string | undefined;
  readonly styles?: string | undefined;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The path of a route as browsers see it: below the path of `PUBLIC_URL`. */
    pagePath(path: string): string;
    /** Where a sign-in may lead: see `safeNext`. */
    safeNext(text: unknown): string | undefined;
    /** Whether a URL is of a trusted origin. */
    isTrustedUrl(url: string): boolean;
    /** The URL of the sign-in page, which leads to `next` if a sign-in may lead there. */
    signInUrl(next: string): string;
  }

  interface FastifyReply {
    /** Sends a page. */
    page(page: Page): FastifyReply;
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
    own: { headers: { ...DOCUMENT_HEADERS, ...pageHeaders(options) }, render: createRenderer(site) },
    atApp: {
      headers: { ...DOCUMENT_HEADERS, ...pageHeadersAtApp(options) },
      render: createRenderer(siteAtApp(site, options)),
    },
  };
  app[kErrorPages] = { isPageRequest, sendErrorPage, sendErrorPageAtApp };
  app.decorate('pagePath', (path) => `${basePath}${path}`);
  app.decorate('safeNext', (text) => safeNext(text, next));
  app.decorate('isTrustedUrl', (url) => URL.canParse(url) && next.isTrustedOrigin(new URL(url).origin));
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
function siteAtApp({ script: _, ...site }: Site, { basePath, publicOrigin }: PagesOptions): Site {
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

/**
 * Marks the replies of the routes for page requests. Other replies stay as they are without pages: no cache stores a reply
 * of the service, except for files.
 */
function varyByAccept(route: RouteOptions): void {
  if (route.constraints?.page === true) {
    route.onSend = [...[route.onSend ?? []].flat(), async (_request, reply) => addVary(reply, 'Accept')];
  }
}
