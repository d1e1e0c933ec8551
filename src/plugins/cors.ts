import fastifyCors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { originMatcher } from '../http/trusted-origins.ts';

export interface CorsOptions {
  readonly trustedOrigins: readonly string[];
}

/** How long a browser may keep the answer to a preflight request, in seconds. */
const PREFLIGHT_SECONDS = 600;

/**
 * Lets pages of the trusted origins read replies and send the cookies (CORS with credentials). Replies to other origins have
 * no CORS headers. Register it before the cross-origin guard: the pages can then read its errors, too.
 */
export const cors = fp(registerCors, { name: 'session-cookie-login/cors', fastify: '5.x' });

async function registerCors(app: FastifyInstance, { trustedOrigins }: CorsOptions): Promise<void> {
  const isTrusted = originMatcher(trustedOrigins);
  await app.register(fastifyCors, {
    // With a list, @fastify/cors would send some headers to other origins as well.
    origin: (origin, done) => done(null, origin !== undefined && isTrusted(origin) ? origin : false),
    credentials: true,
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
    allowedHeaders: ['Content-Type'],
    // Date: the session client measures times by the clock of the server.
    exposedHeaders: ['Retry-After', 'Date'],
    maxAge: PREFLIGHT_SECONDS,
    // Otherwise a preflight request without its headers is answered in a shape of its own.
    strictPreflight: false,
  });
}
