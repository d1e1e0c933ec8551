import { hash, randomBytes } from 'node:crypto';
import Fastify from 'fastify';
import { welcomeHeaders } from '../lib/welcome-headers.js';
import { addFastifyRoutes } from './routes.js';

/**
 * The least code that sends the headers of the service: a regular expression finds the cookie, one hash the key of a map.
 * @type {Make}
 */
export default async function byHand() {
  /** @type {Map<string, string>} */
  const users = new Map();
  const headers = welcomeHeaders();
  const app = Fastify().addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers);
    done();
  });
  addFastifyRoutes(app, {
    find: (request) => users.get(keyOf(request)),
    take(request) {
      const key = keyOf(request);
      const username = users.get(key);
      users.delete(key);
      return username;
    },
    start(_request, reply, username) {
      const token = randomBytes(32).toString('base64url');
      users.set(sha256(token), username);
      reply.header('set-cookie', `session_token=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400`);
    },
  });
  return { app };
}

const sha256 = (/** @type {string} */ token) => hash('sha256', token, 'base64url');

function keyOf(/** @type {import('fastify').FastifyRequest} */ request) {
  return sha256(/(?:^|; )session_token=([^;]*)/.exec(request.headers.cookie ?? '')?.[1] ?? '');
}
