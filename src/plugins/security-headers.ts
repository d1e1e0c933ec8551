import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { type SecurityHeadersOptions, securityHeadersFor } from '../http/security-headers.ts';

/** Sets the security headers on every reply. */
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
