import Fastify from 'fastify';
import { service } from '../../dist/app.js';
import { parseConfig } from '../../dist/config.js';
import { fastifyOptions } from '../../dist/fastify-options.js';
import { formatToken, hashSecret, mintToken } from '../../dist/sessions/token.js';
import { nameOf } from './welcome.js';

// Everything here, and nothing else in bench but the micro-benchmark and the scale table, knows the inside of dist.

/** The demo's user, whose password the service's README tells. */
export const USER = { username: 'user1', password: 'password1' };
export const COOKIE = 'session_token';

export const DAY_MS = 86_400_000;

/**
 * The service as `dist/server.js` builds it, not listening yet. Only the lifetimes are longer than any run.
 * @param {Record<string, string>} env
 * @param {Partial<import('../../dist/app.js').ServiceOptions>} options
 */
export async function buildOurs(env = {}, options = {}) {
  const config = parseConfig({
    PORT: '0',
    SESSION_IDLE_SECONDS: '86400',
    SESSION_MAX_SECONDS: '86400',
    MAX_SESSIONS: '16000000',
    ...env,
  });
  const app = Fastify(fastifyOptions(config));
  await app.register(service, { config, ...options });
  return app;
}

/**
 * A session of a day that nobody signed in for: its record, and the cookie that opens it.
 * @param {number} i Whose it is: each has a name and an address of its own.
 */
function mintSession(i) {
  const token = mintToken();
  const now = Date.now();
  const record = {
    id: token.id,
    secretHash: hashSecret(token.secret),
    username: nameOf(i),
    createdAt: now,
    authenticatedAt: now,
    expiresAt: now + DAY_MS,
    endsAt: now + DAY_MS,
    address: `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`,
    device: 'Firefox on Linux',
  };
  return { record, cookie: `${COOKIE}=${formatToken(token)}` };
}

/** What the service logs with, and nothing else of it: options of a Fastify instance. */
export function logOfOurs() {
  const { logger, logController } = fastifyOptions(parseConfig({}));
  return { logger, logController };
}

/** How many sessions are remembered to tell by how many of all are left. */
const MILESTONES = 200;

/**
 * Puts sessions into a store, one a user, and answers with the cookies of the first thousand, and the ids of some that
 * are spread evenly over all, the last one included.
 * @param {import('../../dist/index.js').SessionStore} store
 * @param {number} count
 */
export async function seed(store, count) {
  const cookies = [];
  const milestones = [];
  const distance = Math.ceil(count / MILESTONES);
  const BATCH = 1000;
  for (let done = 0; done < count; done += BATCH) {
    const minted = Array.from({ length: Math.min(BATCH, count - done) }, (_, i) => mintSession(done + i));
    await Promise.all(minted.map(({ record }) => store.create(record)));
    milestones.push(
      ...minted.filter((_, i) => (count - 1 - done - i) % distance === 0).map(({ record }) => record.id),
    );
    if (done === 0) {
      cookies.push(...minted.map(({ cookie }) => cookie));
    }
  }
  return { cookies, milestones };
}

/**
 * The same, for who needs but the cookies.
 * @param {import('../../dist/index.js').SessionStore} store
 * @param {number} count
 */
export async function seedSessions(store, count) {
  return (await seed(store, count)).cookies;
}
