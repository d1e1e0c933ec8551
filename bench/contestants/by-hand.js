import { hash as hashOf, randomUUID } from 'node:crypto';
import Fastify from 'fastify';
import { welcomeHeaders } from '../lib/welcome-headers.js';
import { addFastifyRoutes, passwordCheck } from './routes.js';

/**
 * The least code: a regular expression finds the cookie, and a map the user. No expiry. `likeOurs` adds the headers of
 * the service to each reply, and hashes the token, so that the map holds no secret.
 * @type {Make}
 */
export default async function byHand({ hash, settings: { likeOurs } }) {
  /** @type {Map<string, string>} */
  const users = new Map();
  const keyOf = likeOurs ? (token) => hashOf('sha256', token, 'base64url') : (token) => token;
  const app = Fastify();
  if (likeOurs) {
    const headers = welcomeHeaders();
    app.addHook('onRequest', (_request, reply, done) => {
      reply.headers(headers);
      done();
    });
  }
  addFastifyRoutes(app, {
    check: await passwordCheck(hash),
    find: (request) => users.get(keyOf(tokenOf(request))),
    take(request) {
      const key = keyOf(tokenOf(request));
      const username = users.get(key);
      users.delete(key);
      return username;
    },
    start(_request, reply, username) {
      const token = randomUUID();
      users.set(keyOf(token), username);
      reply.header('set-cookie', `session_token=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400`);
    },
  });
  return { app };
}

function tokenOf(/** @type {import('fastify').FastifyRequest} */ request) {
  return /(?:^|; )session_token=([^;]*)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
}
