import { randomBytes } from 'node:crypto';
import secureSession from '@fastify/secure-session';
import Fastify from 'fastify';
import { addFastifyRoutes } from './routes.js';

/**
 * The encrypted session is in the cookie: there is no store, and a session cannot be revoked.
 * @type {Make}
 */
export default async function secure() {
  const app = Fastify();
  const cookie = { path: '/', httpOnly: true, sameSite: 'lax' };
  await app.register(secureSession, { key: randomBytes(32), expiry: 86_400, cookie });
  addFastifyRoutes(app, {
    find: (request) => request.session.get('username'),
    start: (request, _reply, username) => request.session.set('username', username),
  });
  return { app };
}
