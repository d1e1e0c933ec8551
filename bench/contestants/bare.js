import Fastify from 'fastify';
import { WELCOME } from '../lib/client.js';

/** The lower bound: no session. Requests carry a cookie all the same. */
export default async function bare() {
  return { app: addWelcome(Fastify()), cookies: [`session_token=${'a'.repeat(22)}.${'b'.repeat(43)}`] };
}

export function addWelcome(/** @type {FastifyApp} */ app) {
  return app.get('/welcome', (_request, reply) => {
    reply.type('text/plain; charset=utf-8').send(WELCOME);
  });
}
