import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { CrossOriginRefused, ForwardedHeadersInvalid, ProxyNotTrusted, TargetNotTrusted } from '../errors.ts';
import { describeOrigin, isCrossOrigin, isSafeMethod } from '../http/cross-origin.ts';
import { type ForwardedRequest, isPlainPath } from '../http/forwarded-request.ts';
import type { HookDone } from '../http/hooks.ts';
import { logEvent, mayLog } from '../http/security-events.ts';
import { type OriginMatcher, originMatcher } from '../http/trusted-origins.ts';
import { forbidCaching } from './session-context.ts';

export interface ForwardAuthOptions {
  /** Whether the peer of a connection may say which request it asks about. */
  isTrustedProxy(address: string | undefined): boolean;
  /** Where users sign in. */
  readonly publicUrl: string;
  /** The origins of the apps that proxies protect. */
  readonly trustedOrigins: readonly string[];
  /** Whether requests that another site makes a browser send are refused. */
  readonly csrf: boolean;
  /** Paths to which that does not apply: exact, or all below one, such as `/hooks/*`. */
  readonly csrfExempt: readonly string[];
  /** Whether browsers send the session cookie to a URL. */
  receivesCookie(url: URL): boolean;
}

export const kTarget = Symbol('target');

declare module 'fastify' {
  interface FastifyRequest {
    /** The request that the proxy asks about. */
    [kTarget]?: ForwardedRequest;
  }
}

/** How the two routes differ. */
export interface ForwardAuthKind {
  /** What a proxy must do to say which request it asks about. */
  readonly fix: string;
  /** Reads that request. */
  read(headers: IncomingHttpHeaders): ForwardedRequest | undefined;
  /** Whether the reply to a navigation is a redirect to the sign-in page. nginx does not pass one on. */
  readonly redirects: boolean;
}

/** An onRequest hook: rejects a request that must not reach the app, signed in or not. */
export function targetGuard(options: ForwardAuthOptions, kind: ForwardAuthKind) {
  const isTrusted = originMatcher(options.trustedOrigins);
  return (request: FastifyRequest, reply: FastifyReply, done: HookDone): void => {
    forbidCaching(reply);
    // The proxy may show the reply at the origin of the app, whose operator decides about this policy.
    reply.removeHeader('strict-transport-security');
    let failure: FastifyError | undefined;
    try {
      const target = readTarget(request, options, kind);
      assertMayReach(request, target, options, isTrusted);
      request[kTarget] = target;
    } catch (error) {
      failure = error as FastifyError;
    }
    done(failure);
  };
}

/** @throws ProxyNotTrusted or ForwardedHeadersInvalid (403) */
function readTarget(
  request: FastifyRequest,
  { isTrustedProxy }: ForwardAuthOptions,
  { fix, read }: ForwardAuthKind,
): ForwardedRequest {
  const { remoteAddress: peer } = request.socket;
  if (!isTrustedProxy(peer)) {
    const fix = 'if this is your proxy, add its address to TRUST_PROXY';
    warnOperator(request, 'PROXY_NOT_TRUSTED', { peer, fix }, 'forward authentication was refused to an unknown proxy');
    throw new ProxyNotTrusted();
  }
  const target = read(request.headers);
  if (target === undefined) {
    warnOperator(request, 'FORWARDED_HEADERS_INVALID', { fix }, 'a proxy does not say which request it asks about');
    throw new ForwardedHeadersInvalid();
  }
  return target;
}

/** @throws TargetNotTrusted or CrossOriginRefused (403) */
function assertMayReach(
  request: FastifyRequest,
  target: ForwardedRequest,
  options: ForwardAuthOptions,
  isTrusted: OriginMatcher,
): void {
  const { origin } = target.url;
  if (!isTrusted(origin)) {
    const fix =
      origin === new URL(options.publicUrl).origin
        ? 'this is PUBLIC_URL: pass requests for the login service on without asking, or add the origin to TRUSTED_ORIGINS if it has an app as well'
        : 'if this is an app of yours, add its origin to TRUSTED_ORIGINS';
    warnOperator(request, 'TARGET_NOT_TRUSTED', { origin, fix }, 'a proxy asked about an unknown origin');
    throw new TargetNotTrusted();
  }
  const isGuarded = options.csrf && mayChangeState(request, target) && !isExempt(target, options);
  // The origin of the app is one of the trusted ones.
  if (isGuarded && isCrossOrigin(request.headers, isTrusted, () => false)) {
    logEvent(request, 'malicious_csrf', { ...describeOrigin(request.headers.origin), target: origin });
    throw new CrossOriginRefused();
  }
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

/** Logs what the operator must set. One line of a kind, a route and a proxy in ten seconds is enough. */
export function warnOperator(request: FastifyRequest, code: string, details: object, message: string): void {
  const { log, server, socket, routeOptions } = request;
  const kind = `${code} ${routeOptions.url}`;
  if (mayLog({ log, server, ip: socket.remoteAddress }, kind, 1)) {
    log.warn({ code, ...details }, message);
  }
}
