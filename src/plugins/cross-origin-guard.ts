import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify';
import fp from 'fastify-plugin';
import { CrossOriginRefused } from '../errors.ts';
import { logEvent } from '../http/security-events.ts';
import { readOptions, settings } from '../settings.ts';

export interface CrossOriginGuardOptions {
  /** The origin that browsers use, such as `https://login.example.com`, if a proxy changes the `Host` header. */
  readonly publicOrigin?: string;
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * An onRequest hook for a GET route that changes state. State-changing methods are guarded without it.
     * @throws CrossOriginRefused (403)
     */
    refuseCrossOrigin: onRequestHookHandler;
  }
}

const OPTIONS = { publicOrigin: Type.Optional(settings.publicOrigin) };
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Rejects state-changing requests that another site makes a browser send (CSRF). It decides like Go's
 * `http.CrossOriginProtection` and needs no token and no cookie.
 *
 * If the browser sends `Sec-Fetch-Site`, that header decides. Otherwise `Origin` must match the request's host or the
 * public origin. A request with neither header does not come from a browser and passes.
 */
export const crossOriginGuard = fp(registerCrossOriginGuard, {
  name: 'session-cookie-login/cross-origin-guard',
  fastify: '5.x',
});

async function registerCrossOriginGuard(app: FastifyInstance, options: CrossOriginGuardOptions): Promise<void> {
  const checked = readOptions('crossOriginGuard', OPTIONS, options);
  // In the form that browsers send: `https://Example.com:443/` is `https://example.com`.
  const publicOrigin = checked.publicOrigin && new URL(checked.publicOrigin).origin;
  let warned = false;
  const refuseCrossOrigin: onRequestHookHandler = (request, _reply, done) => {
    if (!warned && publicOrigin !== undefined) {
      warned = warnOfWrongScheme(request, publicOrigin);
    }
    if (isOwnOrigin(request, publicOrigin)) {
      done();
      return;
    }
    const { origin } = request.headers;
    logEvent(request, 'malicious_csrf', origin === 'null' ? { origin, reason: NULL_ORIGIN } : { origin });
    done(new CrossOriginRefused());
  };
  app.decorate('refuseCrossOrigin', refuseCrossOrigin);
  app.addHook('onRequest', function (request, reply, done) {
    if (SAFE_METHODS.has(request.method)) {
      done();
    } else {
      refuseCrossOrigin.call(this, request, reply, done);
    }
  });
}

/**
 * A page that another site controls can send `Origin: null` as well, so it is refused. A page of the app sends it over
 * plain HTTP if its policy is `no-referrer` (Fetch, "append a request `Origin` header").
 */
const NULL_ORIGIN = 'Origin is null: a page with Referrer-Policy no-referrer (use same-origin), or a sandboxed frame';

function isOwnOrigin(request: FastifyRequest, publicOrigin?: string): boolean {
  const { origin, 'sec-fetch-site': site } = request.headers;
  if (site) {
    return site === 'same-origin' || site === 'none';
  }
  return !origin || origin === publicOrigin || hasHostOf(request, origin);
}

/** Compares hosts. The default port of the origin's scheme may be left out. `Origin: null` has no host. */
function hasHostOf(request: FastifyRequest, origin: string): boolean {
  if (!URL.canParse(origin)) {
    return false;
  }
  const { protocol, host } = new URL(origin);
  const own = `${protocol}//${request.host}`;
  return URL.canParse(own) && new URL(own).host === host;
}

/**
 * Logs the first request that shows that browsers use another scheme than that of the public origin: the browser drops
 * the cookie then, or sends it without encryption as well. Returns whether it did.
 */
function warnOfWrongScheme(request: FastifyRequest, publicOrigin: string): boolean {
  const { scheme, source } = schemeOf(request);
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

/** The scheme that the browser used, if the request shows it. */
function schemeOf(request: FastifyRequest): { scheme?: string; source?: string } {
  const { origin } = request.headers;
  if (origin !== undefined && /^https?:/.test(origin) && hasHostOf(request, origin)) {
    return { scheme: new URL(origin).protocol.slice(0, -1), source: 'Origin' };
  }
  // Fastify reads X-Forwarded-Proto only if it comes from a trusted proxy; `ips` has more than one address then.
  const isForwarded = request.headers['x-forwarded-proto'] !== undefined && (request.ips?.length ?? 0) > 1;
  return isForwarded && /^https?$/.test(request.protocol)
    ? { scheme: request.protocol, source: 'X-Forwarded-Proto' }
    : {};
}
