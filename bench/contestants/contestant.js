import { once } from 'node:events';
import { obeyParent } from '../lib/children.js';

/**
 * What a contestant is told at its start.
 * @typedef {object} Job
 * @property {number} sessions How many must be live before the load comes.
 * @property {string} redisUrl
 * @property {string} lmdbPath
 * @property {boolean} hash Whether a sign-in pays for a password's hash, as it should. Off where sessions are only to be
 *   had quickly.
 * @property {Record<string, any>} settings Of this contestant, from the list.
 *
 * @typedef {object} Running
 * @property {import('node:http').RequestListener | import('fastify').FastifyInstance} app
 * @property {string[]} [cookies] One for each session, if it has made them by itself; else they are signed in for.
 */

/**
 * Runs a contestant: takes its job from the parent, listens, and tells it the port.
 * @param {(job: Job) => Promise<Running>} make
 */
export function contestant(make) {
  obeyParent();
  process.once('message', async (/** @type {Job} */ job) => {
    const { app, cookies } = await make(job);
    process.send?.({ port: await listen(app), cookies });
  });
}

/** @param {Running['app']} app */
async function listen(app) {
  if (typeof app !== 'function') {
    await app.listen({ host: '127.0.0.1', port: 0 });
    return portOf(app.server);
  }
  const { createServer } = await import('node:http');
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return portOf(server);
}

/** @param {import('node:http').Server} server */
function portOf(server) {
  return /** @type {import('node:net').AddressInfo} */ (server.address()).port;
}
