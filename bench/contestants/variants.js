import Fastify from 'fastify';
import { fastifyOptions, parseConfig, securityHeaders, sessions as sessionsPlugin } from '../dist.js';
import { createSessions } from '../lib/service.js';
import bare, { addWelcome } from './bare.js';
import cookieByHand from './by-hand.js';
import ours from './ours.js';

/**
 * What the one-process method compares with the bare route.
 * @type {Record<string, Make>}
 */
export const variants = {
  'bare-headers': bareWithHeaders,
  'bare-log': bareWithLog,
  'cookie-map': (job) => cookieByHand({ ...job, settings: { store: 'memory' } }),
  'sessions-plugin': sessionsAlone,
  'ours-memory': (job) => ours({ ...job, settings: { store: 'memory' } }),
  'ours-lmdb': (job) => ours({ ...job, settings: { store: 'lmdb' } }),
  'ours-redis': (job) => ours({ ...job, settings: { store: 'redis' } }),
};

/** The bare route with the security headers of the service. */
async function bareWithHeaders() {
  const app = Fastify();
  await app.register(securityHeaders, { https: false });
  return { ...(await bare()), app: addWelcome(app) };
}

/** The bare route with the log of the service, which writes no line for a successful request. */
async function bareWithLog() {
  const { logger, logController } = /** @type {any} */ (fastifyOptions(parseConfig({})));
  return { ...(await bare()), app: addWelcome(Fastify({ logger, logController })) };
}

/** The sessions plugin in an app without the service's headers, guard and log. @type {Make} */
async function sessionsAlone({ sessions }) {
  const app = Fastify();
  await app.register(sessionsPlugin, { idleSeconds: 86_400, maxSeconds: 86_400 });
  app.get('/welcome', { preHandler: app.requireSession }, (request, reply) => {
    reply.type('text/plain; charset=utf-8').send(`Welcome ${request.session.username}!`);
  });
  await app.ready();
  return { app, cookies: (await createSessions(app.sessionStore, sessions)).cookies };
}
