import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import {
  CrossOriginRefused,
  errorBody,
  ForwardedHeadersInvalid,
  ProxyNotTrusted,
  TargetNotTrusted,
} from '../errors.ts';
import { describeOrigin, isCrossOrigin, isSafeMethod } from '../http/cross-origin.ts';
import { type ForwardedRequest, forwardedRequest, isPlainPath, originalRequest } from '../http/forwarded-request.ts';
import { logEvent, mayLog } from '../http/security-events.ts';
import { type OriginMatcher, originMatcher } from '../http/trusted-origins.ts';
import { applyError, sendErrorAtApp } from './error-handler.ts';
import { forbidCaching } from './session-context.ts';
import { requireSession } from './session-guards.ts';

export interface ForwardAuthOptions {
  /** Whether the peer of a connection may say which request it asks about. */
  isTrustedProxy(address: string | undefined): boolean;
  /** The origins of the apps that proxies protect. */
  readonly trustedOrigins: readonly string[];
  /** Whether requests that another site makes a browser send are refused. */
  readonly csrf: boolean;
  /** Paths to which that does not apply: exact, or all below one, such as `/hooks/*`. */
  readonly csrfExempt: readonly string[];
  /** Whether browsers send the session cookie to a URL. */
  receivesCookie(url: URL): boolean;
}

const kTarget = Symbol('target');

declare module 'fastify' {
  interface FastifyRequest {
    /** The request that the proxy asks about. */
    [kTarget]?: ForwardedRequest;
  }
}

/** How the two routes differ. */
interface Kind {
  /** The headers that say which request the proxy asks about. */
  readonly headers: string;
  /** Reads that request. */
  read(headers: IncomingHttpHeaders): ForwardedRequest | undefined;
  /** Whether the reply to a navigation is a redirect to the sign-in page. nginx does not pass one on. */
  readonly redirects: boolean;
}

const KINDS = {
  'auth-request': { headers: 'X-Original-Method and X-Original-URL', read: originalRequest, redirects: false },
  'forward-auth': {
    headers: 'X-Forwarded-Method, X-Forwarded-Proto, X-Forwarded-Host and X-Forwarded-Uri',
    read: forwardedRequest,
    redirects: true,
  },
} satisfies Record<string, Kind>;

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

async function allow({ session }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  reply.headers({
    'remote-user': toHeaderValue(session.username),
    'remote-user-id': toHeaderValue(session.userId),
    'remote-session-id': session.id,
  });
  return reply.send();
}

/** Percent-encodes what is not printable ASCII, spaces at the ends, and the percent sign itself. */
function toHeaderValue(text: string): string {
  return text.toWellFormed().replace(/[^\x20-\x7e]+|%|^ | $/gu, encodeURIComponent);
}

/** An onRequest hook: rejects a request that must not reach the app, signed in or not. */
function targetGuard(options: ForwardAuthOptions, kind: Kind) {
  const isTrusted = originMatcher(options.trustedOrigins);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    forbidCaching(reply);
    // The proxy may show the reply at the origin of the app, whose operator decides about this policy.
    reply.removeHeader('strict-transport-security');
    const target = readTarget(request, options, kind);
    if (!isTrusted(target.url.origin)) {
      const fix = 'if this is an app of yours, add its origin to TRUSTED_ORIGINS';
      warn(request, 'TARGET_NOT_TRUSTED', { origin: target.url.origin, fix }, 'a proxy asked about an unknown origin');
      throw new TargetNotTrusted();
    }
    if (options.csrf && mayChangeState(request, target) && !isExempt(target, options)) {
      refuseCrossOrigin(request, target, isTrusted);
    }
    request[kTarget] = target;
  };
}

function readTarget(
  request: FastifyRequest,
  { isTrustedProxy }: ForwardAuthOptions,
  { headers, read }: Kind,
): ForwardedRequest {
  const { remoteAddress: peer } = request.socket;
  if (!isTrustedProxy(peer)) {
    const fix = 'if this is your proxy, add its address to TRUST_PROXY';
    warn(request, 'PROXY_NOT_TRUSTED', { peer, fix }, 'forward authentication was refused to an unknown proxy');
    throw new ProxyNotTrusted();
  }
  const target = read(request.headers);
  if (target === undefined) {
    const fix = `let the proxy set ${headers}, each once`;
    warn(request, 'FORWARDED_HEADERS_INVALID', { fix }, 'a proxy does not say properly which request it asks about');
    throw new ForwardedHeadersInvalid();
  }
  return target;
}

/** Another site must not make a browser send such a request. */
function mayChangeState({ headers }: FastifyRequest, { method }: ForwardedRequest): boolean {
  return !isSafeMethod(method) || isWebSocketHandshake(headers);
}

/** Most proxies remove `Upgrade` from their question. A handshake over HTTP/2 has no key (RFC 8441, section 5). */
function isWebSocketHandshake(headers: IncomingHttpHeaders): boolean {
  return (
    headers['sec-websocket-key'] !== undefined ||
    headers['sec-websocket-version'] !== undefined ||
    headers['sec-fetch-mode'] === 'websocket' ||
    /\bwebsocket\b/i.test(headers.upgrade ?? '')
  );
}

function isExempt({ path }: ForwardedRequest, { csrfExempt }: ForwardAuthOptions): boolean {
  return (
    isPlainPath(path) &&
    csrfExempt.some((entry) => (entry.endsWith('/*') ? path.startsWith(entry.slice(0, -1)) : path === entry))
  );
}

function refuseCrossOrigin(request: FastifyRequest, { url }: ForwardedRequest, isTrusted: OriginMatcher): void {
  // The origin of the app is one of the trusted ones.
  if (isCrossOrigin(request.headers, isTrusted, () => false)) {
    logEvent(request, 'malicious_csrf', { ...describeOrigin(request.headers.origin), target: url.origin });
    throw new CrossOriginRefused();
  }
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
  { receivesCookie }: ForwardAuthOptions,
): string | undefined {
  const { server: app } = request;
  if (!app.hasDecorator('signInUrl')) {
    return undefined;
  }
  const page = app.signInUrl('');
  if (page === `${url.origin}${url.pathname}`) {
    const fix = 'pass requests for the login service on without asking';
    warn(request, 'SIGN_IN_PAGE_PROTECTED', { page, fix }, 'a proxy protects the sign-in page: nobody can sign in');
    return undefined;
  }
  if (!receivesCookie(url)) {
    const fix = 'set COOKIE_DOMAIN to a domain of both hosts, and use https for both or for none';
    warn(
      request,
      'APP_WITHOUT_COOKIE',
      { origin: url.origin, fix },
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

/** Logs what the operator must set. One line of a kind, a route and a proxy in ten seconds is enough. */
function warn(request: FastifyRequest, code: string, details: object, message: string): void {
  const { log, server, socket, routeOptions } = request;
  const kind = `${code} ${routeOptions.url}`;
  if (mayLog({ log, server, ip: socket.remoteAddress }, kind, 1)) {
    log.warn({ code, ...details }, message);
  }
}
