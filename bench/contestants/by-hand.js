import { randomUUID } from 'node:crypto';
import Fastify from 'fastify';
import { createClient } from 'redis';
import { addFastifyRoutes, passwordCheck } from './routes.js';

/**
 * The least code: a regular expression finds the cookie, a map or one GET of Redis the user. No hash, no expiry in the
 * map, no security headers.
 * @type {Make}
 */
export default async function cookieByHand({ redisUrl, hash, settings }) {
  const users = settings.store === 'redis' ? await redisUsers(redisUrl) : memoryUsers();
  const app = Fastify();
  addFastifyRoutes(app, {
    check: await passwordCheck(hash),
    find: (request) => users.find(tokenOf(request)),
    take: (request) => users.take(tokenOf(request)),
    async start(_request, reply, username) {
      const token = randomUUID();
      await users.put(token, username);
      reply.header('set-cookie', `session_token=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400`);
    },
  });
  return { app };
}

function tokenOf(/** @type {import('fastify').FastifyRequest} */ request) {
  return /(?:^|; )session_token=([^;]*)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
}

function memoryUsers() {
  /** @type {Map<string, string>} */
  const users = new Map();
  return {
    find: (token) => users.get(token),
    put: (token, username) => users.set(token, username),
    take(token) {
      const username = users.get(token);
      users.delete(token);
      return username;
    },
  };
}

async function redisUsers(/** @type {string} */ url) {
  const client = await createClient({ url }).connect();
  const expiration = { type: 'EX', value: 86_400 };
  return {
    find: (token) => client.get(`hand:${token}`),
    put: (token, username) => client.set(`hand:${token}`, username, { expiration }),
    take: (token) => client.getDel(`hand:${token}`),
  };
}
