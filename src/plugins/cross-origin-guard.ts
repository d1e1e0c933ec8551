import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { CrossOriginRefused } from '../errors.ts';
import { browserScheme, hasHostOf } from '../http/browser-scheme.ts';
import { describeOrigin, isCrossOrigin, isSafeMethod } from '../http/cross-origin.ts';
import type { AnyReply, AnyRequest, HookDone } from '../http/hooks.ts';
import { logEvent } from '../http/security-events.ts';
import { type OriginMatcher, originMatcher, toOrigin } from '../http/trusted-origins.ts';
import { OF_FASTIFY, readOptions, settings } from '../settings.ts';

export interface CrossOriginGuardOptions {
  /** The origin that browsers use, such as `https://login.example.com`, if a proxy changes the `Host` header. */
  readonly publicOrigin?: string;
  /**
   * Other origins whose pages may send state-changing requests, such as `https://app.example.com`. `https://*.example.com`
   * stands for all hosts below `example.com`. Default: none.
   */
  readonly trustedOrigins?: readonly string[];
}

/** What the guard of a scope accepts. */
interface Origins {
  readonly publicOrigin: string | undefined;
  readonly isTrusted: OriginMatcher;
  /** Whether a request has shown another scheme than that of the public origin. It is logged once. */
  warned: boolean;
}

const kOrigins = Symbol('origins');

/** Without the plugin: only pages of the host of the request. */
const OWN_HOST: Origins = { publicOrigin: undefined, isTrusted: () => false, warned: false };

declare module 'fastify' {
  interface FastifyInstance {
    [kOrigins]?: Origins;
    /** The function of the same name. The exported one is safer: the decorator is `undefined` before the plugin is loaded. */
    readonly refuseCrossOrigin: CrossOriginHook;
  }

  interface FastifyContextConfig {
    /** `false` exempts the route from the cross-origin guard: another site may make a browser send the request. */
    crossOriginGuard?: boolean;
  }
}

/** An `onRequest` hook. */
export type CrossOriginHook = (request: AnyRequest, reply: AnyReply, done: HookDone) => void;

const OPTIONS = {
  publicOrigin: Type.Optional(settings.publicOrigin),
  trustedOrigins: Type.Optional(
    Type.Array(settings.trustedOrigin, {
      description:
        'an array of http and https origins without a path, such as "https://app.example.com" or "https://*.example.com"',
    }),
  ),
};

/**
 * Rejects state-changing requests that another site makes a browser send (CSRF). It decides like Go's
 * `http.CrossOriginProtection` and needs no token and no cookie.
 *
 * A request passes with a `Sec-Fetch-Site` of `same-origin` or `none`, or with an `Origin` that is trusted. With any other
 * `Sec-Fetch-Site` it is refused. Without that header, `Origin` must match the request's host or the public origin. A
 * request with neither header does not come from a browser and passes.
 */
export const crossOriginGuard = fp(registerCrossOriginGuard, {
  name: 'session-cookie-login/cross-origin-guard',
  fastify: '5.x',
});

async function registerCrossOriginGuard(app: FastifyInstance, options: CrossOriginGuardOptions): Promise<void> {
  if (Object.hasOwn(app, kOrigins)) {
    throw new Error('The plugin crossOriginGuard is registered twice in one scope. Register it once.');
  }
  const { publicOrigin, trustedOrigins } = readOptions('crossOriginGuard', OPTIONS, options, OF_FASTIFY);
  // Not `decorate`: a scope inside another one with the plugin has its own.
  app[kOrigins] = {
    publicOrigin: publicOrigin && toOrigin(publicOrigin),
    isTrusted: originMatcher((trustedOrigins ?? []).map(toOrigin)),
    warned: false,
  };
  if (!app.hasDecorator('refuseCrossOrigin')) {
    app.decorate('refuseCrossOrigin', refuseCrossOrigin);
    app.addHook('onRequest', guardStateChanges);
  }
}

/**
 * An onRequest hook for a GET route that changes state, such as a sign-out link or the handshake of a WebSocket. It applies
 * the options of the plugin `crossOriginGuard` of the route's scope. Without the plugin only pages of the request's host pass.
 * @throws CrossOriginRefused (403)
 */
export function refuseCrossOrigin(anyRequest: AnyRequest, _reply: AnyReply, done: HookDone): void {
  const request = anyRequest as FastifyRequest;
  const origins = request.server[kOrigins] ?? OWN_HOST;
  if (!origins.warned && origins.publicOrigin !== undefined) {
    origins.warned = warnOfWrongScheme(request, origins.publicOrigin);
  }
  const isOwn: OriginMatcher = (origin) => origin === origins.publicOrigin || hasHostOf(request, origin);
  if (!isCrossOrigin(request.headers, origins.isTrusted, isOwn)) {
    done();
    return;
  }
  logEvent(request, 'malicious_csrf', describeOrigin(request.headers.origin));
  done(new CrossOriginRefused());
}

/** The onRequest hook of the plugin. Scopes without the plugin can use it alone. */
export function guardStateChanges(request: FastifyRequest, reply: FastifyReply, done: HookDone): void {
  if (isSafeMethod(request.method) || request.routeOptions.config.crossOriginGuard === false) {
    done();
  } else {
    refuseCrossOrigin(request, reply, done);
  }
}

/**
 * The guard of the refresh route. It lets the browser itself pass, which would end its bound session after a 403 without a
 * challenge. No page can set a header whose name starts with `Sec-` (Fetch, "forbidden request-header").
 */
export function guardRefresh(request: FastifyRequest, reply: FastifyReply, done: HookDone): void {
  if (request.headers['sec-secure-session-id'] === undefined) {
    refuseCrossOrigin(request, reply, done);
  } else {
    done();
  }
}

/**
 * Logs the first request that shows that browsers use another scheme than that of the public origin: the browser drops
 * the cookie then, or sends it without encryption as well. Returns whether it did.
 */
function warnOfWrongScheme(request: FastifyRequest, publicOrigin: string): boolean {
  const { scheme, source } = browserScheme(request);
  if (scheme === undefined || publicOrigin.startsWith(`${scheme}:`)) {
    return false;
  }
  const fix = `set PUBLIC_URL to the ${scheme} origin that browsers use, or correct the proxy`;
  request.log.warn(
    { source, scheme, publicOrigin, fix },
    'PUBLIC_URL has another scheme than the requests of browsers',
  );
  return true;
}
