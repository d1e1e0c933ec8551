import cookie from '@fastify/cookie';
import session from '@fastify/session';
import { RedisStore } from 'connect-redis';
import Fastify from 'fastify';
import { createClient } from 'redis';
import { addFastifyRoutes, hashCheck } from './routes.js';

/**
 * With its fastest fair settings: a request without changes does not write the session.
 * @type {Make}
 */
export default async function fastifySession({ redisUrl, hash, settings }) {
  const app = Fastify();
  await app.register(cookie);
  await app.register(session, {
    secret: 'a secret for the benchmark, of some length',
    saveUninitialized: false,
    rolling: false,
    cookie: { maxAge: 86_400_000, sameSite: 'lax', secure: false },
    ...(settings.store === 'redis' && { store: await redisStore(redisUrl) }),
  });
  addFastifyRoutes(app, {
    ...(hash && { check: await hashCheck() }),
    find: (request) => request.session.username,
    async start(request, _reply, username) {
      // `regenerate` leaves the old session in the store.
      const oldId = request.session.sessionId;
      await request.session.regenerate();
      await new Promise((resolve) => request.sessionStore.destroy(oldId, resolve));
      request.session.username = username;
    },
  });
  return { app };
}

async function redisStore(/** @type {string} */ url) {
  const client = await createClient({ url }).connect();
  return new RedisStore({ client, prefix: 'fastify:', disableTouch: true });
}
