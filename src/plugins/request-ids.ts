import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { REQUEST_ID_HEADER } from '../http/request-id.ts';

/** Sends the id of the request with every reply. The log lines of the request have it as `reqId`. */
export const requestIds = fp(registerRequestIds, { name: 'session-cookie-login/request-ids', fastify: '5.x' });

async function registerRequestIds(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', ({ id }, reply, done) => {
    reply.header(REQUEST_ID_HEADER, id);
    done();
  });
}
