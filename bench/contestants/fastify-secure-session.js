import { randomBytes } from 'node:crypto';
import secureSession from '@fastify/secure-session';
import Fastify from 'fastify';
import { contestant } from './contestant.js';
import { passwordCheck } from './passwords.js';

// The session is in the cookie, encrypted: there is no store, and nothing to end it by.
contestant(async ({ hash }) => {
  const check = await passwordCheck(hash);
  const app = Fastify();
  await app.register(secureSession, {
    key: randomBytes(32),
    expiry: 86_400,
    cookie: { path: '/', httpOnly: true, sameSite: 'lax' },
  });

  app.get('/welcome', (request, reply) => {
    const username = request.session.get('username');
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
    request.session.set('username', username);
    return 'ok';
  });

  return { app };
});
