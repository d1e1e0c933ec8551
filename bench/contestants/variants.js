import Fastify from 'fastify';
import { fastifyOptions, parseConfig, sessions as sessionsPlugin } from '../dist.js';
import { createSessions } from '../lib/service.js';
import { welcomeHeaders } from '../lib/welcome-headers.js';
import bare, { addWelcome } from './bare.js';
import byHand from './by-hand.js';
import ours from './ours.js';

/**
 * What the one-process method compares with the bare route.
 * @type {Record<string, Make>}
 */
export const variants = {
  'bare-headers': bareWithHeaders,
  'bare-options': bareWithOptions,
  'by-hand-headers': byHand,
  'sessions-plugin': sessionsAlone,
  'ours-memory': (job) => ours({ ...job, settings: { store: 'memory' } }),
  'ours-lmdb': (job) => ours({ ...job, settings: { store: 'lmdb' } }),
  'ours-redis': (job) => ours({ ...job, settings: { store: 'redis' } }),
};

/** The bare route with the headers of the service. */
async function bareWithHeaders() {
  const headers = welcomeHeaders();
  const app = Fastify().addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers);
    done();
  });
  return { ...(await bare()), app: addWelcome(app) };
}

/** The bare route with the Fastify options of the service, such as its log, which writes no line for a success. */
async function bareWithOptions() {
  return { ...(await bare()), app: addWelcome(Fastify(fastifyOptions(parseConfig({})))) };
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
