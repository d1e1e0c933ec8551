import Fastify from 'fastify';
import { sessions as sessionsPlugin } from '../../dist/index.js';
import { securityHeaders } from '../../dist/plugins/security-headers.js';
import { buildOurs, logOfOurs, seedSessions } from '../lib/ours.js';
import { nameOf, WELCOME } from '../lib/welcome.js';

/**
 * What the one process can run beside each other. Each answers `GET /welcome` with the same text.
 * @typedef {{ sessions: number, redisUrl: string, lmdbPath: string }} Places
 * @typedef {{ app: import('fastify').FastifyInstance, cookies: string[] }} Variant
 * @type {Record<string, (at: Places) => Promise<Variant>>}
 */
export const variants = {
  bare,
  'bare-headers': bareWithHeaders,
  'bare-log': bareWithLog,
  'cookie-map': cookieAndMap,
  'sessions-plugin': sessionsAlone,
  'ours-memory': ({ sessions }) => ours('memory:', sessions),
  'ours-lmdb': ({ sessions, lmdbPath }) => ours(`lmdb:${lmdbPath}`, sessions),
  'ours-redis': ({ sessions, redisUrl }) => ours(redisUrl, sessions),
};

const SOME_COOKIE = `session_token=${'a'.repeat(22)}.${'b'.repeat(43)}`;

/** Everything that an authenticated request could be without: the limit. It is sent a cookie like the others. */
async function bare() {
  return { app: addWelcome(Fastify()), cookies: [SOME_COOKIE] };
}

/** The bare route with the headers that the service sends with every reply. */
async function bareWithHeaders() {
  const app = Fastify();
  await app.register(securityHeaders, { https: false });
  return { app: addWelcome(app), cookies: [SOME_COOKIE] };
}

/** The bare route with the log of the service, which writes no line for a request that ends well. */
async function bareWithLog() {
  return { app: addWelcome(Fastify(/** @type {any} */ (logOfOurs()))), cookies: [SOME_COOKIE] };
}

/** @param {import('fastify').FastifyInstance} app */
function addWelcome(app) {
  return app.get('/welcome', (_request, reply) => {
    reply.type('text/plain; charset=utf-8').send(WELCOME);
  });
}

/**
 * Our sessions in somebody's app, without the service around them: no headers, no guard, no log.
 * @param {Places} at
 */
async function sessionsAlone({ sessions }) {
  const app = Fastify();
  await app.register(sessionsPlugin, { idleSeconds: 86_400, maxSeconds: 86_400 });
  app.get('/welcome', { preHandler: app.requireSession }, (request, reply) => {
    reply.type('text/plain; charset=utf-8').send(`Welcome ${request.session.username}!`);
  });
  await app.ready();
  return { app, cookies: await seedSessions(app.sessionStore, sessions) };
}

/**
 * What somebody in a hurry writes: no hash, no deadline, no headers.
 * @param {Places} at
 */
async function cookieAndMap({ sessions }) {
  const users = new Map(
    Array.from({ length: sessions }, (_, i) => [crypto.randomUUID().replaceAll('-', ''), nameOf(i)]),
  );
  const app = Fastify();
  app.get('/welcome', (request, reply) => {
    const token = /(?:^|; )session_token=([^;]*)/.exec(request.headers.cookie ?? '')?.[1];
    const username = users.get(token ?? '');
    if (username === undefined) {
      reply.code(401).send('Sign in first.');
    } else {
      reply.type('text/plain; charset=utf-8').send(`Welcome ${username}!`);
    }
  });
  return { app, cookies: [...users.keys()].map((token) => `session_token=${token}`) };
}

/**
 * @param {string} storeUrl
 * @param {number} sessions
 */
async function ours(storeUrl, sessions) {
  const app = await buildOurs({ STORE_URL: storeUrl });
  await app.ready();
  return { app, cookies: await seedSessions(app.sessionStore, sessions) };
}
