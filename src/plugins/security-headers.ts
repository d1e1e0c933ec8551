import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

export interface SecurityHeadersOptions {
  /** Whether browsers reach the service over HTTPS, and may be told to never use anything else. */
  readonly https: boolean;
}

/** Sets the headers that OWASP's REST Security Cheat Sheet asks of an API, on every reply. */
export const securityHeaders = fp(registerSecurityHeaders, { name: 'security-headers', fastify: '5.x' });

async function registerSecurityHeaders(app: FastifyInstance, options: SecurityHeadersOptions): Promise<void> {
  const headers = securityHeadersFor(options);
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers);
    done();
  });
}

/** The headers by themselves, for replies that no hook reaches. */
export function securityHeadersFor({ https }: SecurityHeadersOptions): Record<string, string> {
  return {
    // A reply is data: a browser that is made to show it as a page runs, loads and frames nothing.
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    'cache-control': 'no-store',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    // For browsers from before frame-ancestors.
    'x-frame-options': 'DENY',
    // A year, as OWASP ASVS 5.0, 3.4.1 asks. Over plain HTTP the header would be ignored (RFC 6797, section 7.2).
    ...(https && { 'strict-transport-security': 'max-age=31536000; includeSubDomains' }),
  };
}
