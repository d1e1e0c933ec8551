import { randomUUID } from 'node:crypto';
import Fastify from 'fastify';
import { createClient } from 'redis';
import { contestant } from './contestant.js';
import { passwordCheck } from './passwords.js';

/** @typedef {import('fastify').FastifyReply} FastifyReply */

// By hand: a regular expression finds the cookie, a map or one GET of Redis the user. No hash, no deadline, no headers.
contestant(async ({ redisUrl, hash, settings }) => {
  const check = await passwordCheck(hash);
  const users = settings.store === 'redis' ? await redisUsers(redisUrl) : memoryUsers();
  const app = Fastify();

  const greet = (/** @type {FastifyReply} */ reply, /** @type {string | null | undefined} */ username) => {
    if (username) {
      reply.type('text/plain; charset=utf-8').send(`Welcome ${username}!`);
    } else {
      reply.code(401).send('Sign in first.');
    }
  };
  // No promise where the map answers at once.
  app.get('/welcome', (request, reply) => {
    const found = users.find(tokenOf(request));
    if (found instanceof Promise) {
      found.then(
        (username) => greet(reply, username),
        (error) => reply.send(error),
      );
    } else {
      greet(reply, found);
    }
  });

  app.post('/signin', async (request, reply) => {
    const { username, password } = /** @type {any} */ (request.body);
    if (!(await check(username, password))) {
      reply.code(401);
      return 'Wrong.';
    }
    return hand(reply, username);
  });

  app.post('/refresh', async (request, reply) => {
    const username = await users.take(tokenOf(request));
    if (!username) {
      reply.code(401);
      return 'Sign in first.';
    }
    return hand(reply, username);
  });

  async function hand(/** @type {FastifyReply} */ reply, /** @type {string} */ username) {
    const token = randomUUID();
    await users.put(token, username);
    reply.header('set-cookie', `session_token=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400`);
    return 'ok';
  }

  return { app };
});

/** @param {import('fastify').FastifyRequest} request */
function tokenOf(request) {
  return /(?:^|; )session_token=([^;]*)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
}

function memoryUsers() {
  /** @type {Map<string, string>} */
  const users = new Map();
  return {
    find: (/** @type {string} */ token) => users.get(token),
    put: (/** @type {string} */ token, /** @type {string} */ username) => users.set(token, username),
    take: (/** @type {string} */ token) => {
      const username = users.get(token);
      users.delete(token);
      return username;
    },
  };
}

/** @param {string} url */
async function redisUsers(url) {
  const client = await createClient({ url }).connect();
  return {
    find: (/** @type {string} */ token) => client.get(`hand:${token}`),
    put: (/** @type {string} */ token, /** @type {string} */ username) =>
      client.set(`hand:${token}`, username, { expiration: { type: 'EX', value: 86_400 } }),
    take: (/** @type {string} */ token) => client.getDel(`hand:${token}`),
  };
}
