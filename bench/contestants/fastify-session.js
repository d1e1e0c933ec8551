import cookie from '@fastify/cookie';
import session from '@fastify/session';
import { RedisStore } from 'connect-redis';
import Fastify from 'fastify';
import { createClient } from 'redis';
import { contestant } from './contestant.js';
import { passwordCheck } from './passwords.js';

// Its fastest fair settings: it writes a session when it has changed and not at every request.
contestant(async ({ redisUrl, hash, settings }) => {
  const check = await passwordCheck(hash);
  const app = Fastify();
  await app.register(cookie);
  await app.register(session, {
    secret: 'a secret for the benchmark, of some length',
    saveUninitialized: false,
    rolling: false,
    cookie: { maxAge: 86_400_000, sameSite: 'lax', secure: false },
    ...(settings.store === 'redis' && { store: await redisStore(redisUrl) }),
  });

  app.get('/welcome', (request, reply) => {
    const { username } = /** @type {any} */ (request.session);
    if (username === undefined) {
      reply.code(401).send('Sign in first.');
    } else {
      reply.type('text/plain; charset=utf-8').send(`Welcome ${username}!`);
    }
  });

  app.post('/signin', async (request, reply) => {
    const { username, password } = /** @type {any} */ (request.body);
    if (!(await check(username, password))) {
      reply.code(401);
      return 'Wrong.';
    }
    return start(request, username);
  });

  app.post('/refresh', async (request, reply) => {
    const { username } = /** @type {any} */ (request.session);
    if (username === undefined) {
      reply.code(401);
      return 'Sign in first.';
    }
    return start(request, username);
  });

  return { app };
});

/**
 * @param {import('fastify').FastifyRequest} request
 * @param {string} username
 */
async function start(request, username) {
  // It leaves the session of before in its store: whoever means to rotate must end that one.
  const before = request.session.sessionId;
  await request.session.regenerate();
  await new Promise((resolve) => request.sessionStore.destroy(before, resolve));
  /** @type {any} */ (request.session).username = username;
  return 'ok';
}

/** @param {string} url */
async function redisStore(url) {
  return new RedisStore({
    client: await createClient({ url }).connect(),
    prefix: 'fastify:',
    disableTouch: true,
  });
}
