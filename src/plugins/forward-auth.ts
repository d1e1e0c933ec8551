import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { errorBody } from '../errors.ts';
import { type ForwardedRequest, forwardedRequest, originalRequest } from '../http/forwarded-request.ts';
import { applyError, sendErrorAtApp } from './error-handler.ts';
import { requireSession } from './session-guards.ts';
import { type ForwardAuthKind, type ForwardAuthOptions, kTarget, targetGuard, warnOperator } from './target-guard.ts';

const KINDS = {
  'auth-request': {
    fix: 'set X-Original-Method, and X-Original-URL to the full URL, each once. Only nginx asks here: the others ask /forward-auth',
    read: originalRequest,
    redirects: false,
  },
  'forward-auth': {
    fix: 'set X-Forwarded-Method, X-Forwarded-Proto, X-Forwarded-Host and X-Forwarded-Uri, each once. nginx asks /auth-request',
    read: forwardedRequest,
    redirects: true,
  },
} satisfies Record<string, ForwardAuthKind>;

/** What a route of forward authentication consists of. It finds the session by the guard `requireSession`. */
export function forwardAuthHooks(kind: keyof typeof KINDS, options: ForwardAuthOptions) {
  const { redirects } = KINDS[kind];
  return {
    // The last hook sends the reply: Fastify does not look at the body then, and Node discards it.
    onRequest: [targetGuard(options, KINDS[kind]), requireSession, allow],
    errorHandler: errorHandlerOf(options, redirects),
    handler: allow,
  };
}

function allow({ session }: FastifyRequest, reply: FastifyReply): void {
  reply.headers({
    'remote-user': toHeaderValue(session.username),
    'remote-user-id': toHeaderValue(session.userId),
    'remote-session-id': session.id,
  });
  reply.send();
}

const NEEDS_NO_ENCODING = /^[!-$&-~]*$/;

/** Percent-encodes what is not printable ASCII, spaces at the ends, and the percent sign itself. */
function toHeaderValue(text: string): string {
  if (NEEDS_NO_ENCODING.test(text)) {
    return text;
  }
  return text.toWellFormed().replace(/[^\x20-\x7e]+|%|^ | $/gu, encodeURIComponent);
}

/** A user who is not signed in is sent to the sign-in page. */
function errorHandlerOf(options: ForwardAuthOptions, redirects: boolean) {
  return (thrown: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    const error = applyError(thrown, request, reply);
    const target = request[kTarget];
    const url = error.statusCode === 401 && target !== undefined && signInUrl(request, target, options);
    if (url && redirects && isNavigation(request, target)) {
      reply.redirect(url, 303);
      return;
    }
    if (redirects) {
      sendErrorAtApp(request, reply, error, url || undefined);
      return;
    }
    // nginx reads the status and the headers only.
    if (url) {
      reply.header('location', url);
    }
    reply.send(errorBody(error));
  };
}

/** The URL of the sign-in page, which leads back. There is none without pages. */
function signInUrl(
  request: FastifyRequest,
  { url }: ForwardedRequest,
  { receivesCookie, publicUrl }: ForwardAuthOptions,
): string | undefined {
  const { server: app } = request;
  if (!app.hasDecorator('signInUrl')) {
    return undefined;
  }
  const page = app.signInUrl('');
  if (page === `${url.origin}${url.pathname}`) {
    const fix = 'pass requests for the login service on without asking';
    warnOperator(
      request,
      'SIGN_IN_PAGE_PROTECTED',
      { page, fix },
      'a proxy protects the sign-in page: nobody can sign in',
    );
    return undefined;
  }
  if (!receivesCookie(url)) {
    const fix =
      'if PUBLIC_URL is right, use https for both and set COOKIE_DOMAIN to a domain of both, or use one host for both';
    warnOperator(
      request,
      'APP_WITHOUT_COOKIE',
      { origin: url.origin, publicUrl, fix },
      'browsers do not send the session cookie to this app',
    );
  }
  // If the URL is too long, to the start page of the app.
  return app.signInUrl(app.safeNext(url.href) ?? `${url.origin}/`);
}

/** `text/html` without a weight of zero (RFC 9110, section 12.4.2). */
const ACCEPTS_HTML = /(^|,)\s*text\/html\s*(,|$|;(?!\s*q=0(\.0*)?\s*(,|$)))/i;

/** Whether the user opens a page. Old browsers, and browsers over plain HTTP, do not send the first two headers. */
function isNavigation({ headers }: FastifyRequest, { method }: ForwardedRequest): boolean {
  const { 'sec-fetch-mode': mode, 'sec-fetch-dest': destination, accept = '' } = headers;
  return mode === undefined && destination === undefined
    ? method === 'GET' && ACCEPTS_HTML.test(accept)
    : mode === 'navigate' && destination === 'document';
}
