import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { type ReplyHeadersOptions, replyHeadersFor } from '../http/reply-headers.ts';

/**
 * Sets the security headers on every reply, and sends the id of the request with it. The log lines of the request have the id as
 * `reqId`.
 */
export const replyHeaders = fp(registerReplyHeaders, { name: 'session-cookie-login/reply-headers', fastify: '5.x' });

async function registerReplyHeaders(app: FastifyInstance, options: ReplyHeadersOptions): Promise<void> {
  app.addHook('onRequest', ({ id }, reply, done) => {
    reply.headers(replyHeadersFor(id, options));
    done();
  });
}
