import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify';
import fp from 'fastify-plugin';
import { CrossOriginRefused } from '../errors.ts';
import { logEvent } from '../http/security-events.ts';

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

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Rejects state-changing requests that another site makes a browser send (CSRF). It decides like Go's
 * `http.CrossOriginProtection` and needs no token and no cookie.
 *
 * If the browser sends `Sec-Fetch-Site`, that header decides. Otherwise `Origin` must match the request's host or the
 * public origin. A request with neither header does not come from a browser and passes.
 */
export const crossOriginGuard = fp(registerCrossOriginGuard, { name: 'cross-origin-guard', fastify: '5.x' });

async function registerCrossOriginGuard(app: FastifyInstance, options: CrossOriginGuardOptions): Promise<void> {
  const refuseCrossOrigin: onRequestHookHandler = (request, _reply, done) => {
    if (isOwnOrigin(request, options.publicOrigin)) {
      done();
      return;
    }
    logEvent(request, 'malicious_csrf', { origin: request.headers.origin });
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

function isOwnOrigin(request: FastifyRequest, publicOrigin?: string): boolean {
  const { origin, 'sec-fetch-site': site } = request.headers;
  if (site) {
    return site === 'same-origin' || site === 'none';
  }
  return !origin || origin === publicOrigin || hostOf(origin) === request.host.toLowerCase();
}

/** The host of an origin, with the port unless it is the default port. `Origin: null` has no host. */
function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
