import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

export interface SecurityHeadersOptions {
  /** Whether browsers use HTTPS. They are then told never to use anything else (HSTS). */
  readonly https: boolean;
}

/** Sets the headers that the OWASP REST Security Cheat Sheet requires of an API, on every reply. */
export const securityHeaders = fp(registerSecurityHeaders, {
  name: 'session-cookie-login/security-headers',
  fastify: '5.x',
});

async function registerSecurityHeaders(app: FastifyInstance, options: SecurityHeadersOptions): Promise<void> {
  const headers = securityHeadersFor(options);
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers);
    done();
  });
}

/** The headers, for replies that no hook reaches. */
export function securityHeadersFor({ https }: SecurityHeadersOptions): Record<string, string> {
  return {
    // A reply is data: a browser that shows it as a page runs, loads and frames nothing.
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    'cache-control': 'no-store',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    // For browsers without frame-ancestors.
    'x-frame-options': 'DENY',
    // One year (OWASP ASVS 5.0, 3.4.1). Browsers ignore the header over plain HTTP (RFC 6797, section 7.2).
    ...(https && { 'strict-transport-security': 'max-age=31536000; includeSubDomains' }),
  };
}
