import Fastify from 'fastify';
import { nameOf } from '../lib/client.js';

const REMOTE = {
  'remote-user': nameOf(0),
  'remote-user-id': nameOf(0),
  'remote-session-id': 'a'.repeat(22),
};

/** The app behind the proxy, and the lower bound of forward authentication: it allows every request. */
export default async function forwardAuth() {
  const app = Fastify();
  app.get('/welcome', (request, reply) => {
    reply.type('text/plain; charset=utf-8').send(`Welcome ${request.headers['remote-user']}!`);
  });
  app.get('/auth-request', (_request, reply) => {
    reply.headers(REMOTE).send();
  });
  return { app };
}
