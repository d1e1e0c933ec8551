import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify';
import fp from 'fastify-plugin';
import { CrossOriginRefused } from '../errors.ts';
import { logEvent } from '../security-events.ts';

export interface CrossOriginGuardOptions {
  /** The origin browsers know the app by, such as `https://login.example.com`, when a proxy changes the Host. */
  readonly publicOrigin?: string;
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * An onRequest hook for a GET route that changes state all the same. Other methods are guarded without it.
     * @throws CrossOriginRefused (403)
     */
    refuseCrossOrigin: onRequestHookHandler;
  }
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Refuses state-changing requests that another site makes a browser send (CSRF), by what the browser says of
 * them: the decision of Go 1.25's `http.CrossOriginProtection`. It needs no token and no cookie of its own.
 *
 * `Sec-Fetch-Site` decides where it is sent; else `Origin` must be the request's own host or the public origin.
 * A request with neither header does not come from a browser and is let through.
 */
export const crossOriginGuard = fp(registerCrossOriginGuard, { name: 'cross-origin-guard', fastify: '5.x' });

async function registerCrossOriginGuard(
  app: FastifyInstance,
  options: CrossOriginGuardOptions,
): Promise<void> {
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

/** The host of an origin, with its port unless it is the scheme's own. `Origin: null` has none. */
function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
