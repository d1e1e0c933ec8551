import Fastify from 'fastify';
import {
  fastifyOptions,
  formatToken,
  generateToken,
  hashSecret,
  parseConfig,
  parseStoreUrl,
  RedisConnection,
  RedisSessionStore,
  service,
} from '../dist.js';
import { nameOf } from './client.js';

export const COOKIE = 'session_token';
export const DAY_MS = 86_400_000;

/**
 * The service as `dist/server.js` builds it, but sessions outlive every run.
 * @param {Record<string, string>} env
 * @param {Partial<import('../dist.js').ServiceOptions>} [options]
 */
export async function buildService(env, options) {
  const lifetimes = { SESSION_IDLE_SECONDS: '86400', SESSION_MAX_SECONDS: '86400' };
  const config = parseConfig({ ...lifetimes, MAX_SESSIONS: '16000000', ...env });
  const app = Fastify(fastifyOptions(config));
  await app.register(service, { config, ...options });
  await app.ready();
  return app;
}

/** A session store in Redis without the near cache. */
export async function openUncachedRedis(/** @type {string} */ url) {
  const location = parseStoreUrl(url);
  if (location.engine !== 'redis') {
    throw new TypeError(`${url} is not the URL of a Redis server`);
  }
  const log = { info() {}, warn() {} };
  const connection = await RedisConnection.open(location.server, {
    timeoutMs: 500,
    keyPrefix: 'login:',
    log,
  });
  return new RedisSessionStore(connection, { cacheEntries: 0 });
}

/** A new session of user number `i`: the only place of the benchmark that makes a record. */
function makeSession(/** @type {number} */ i) {
  const token = generateToken();
  const now = Date.now();
  /** @type {import('../dist.js').SessionRecord} */
  const record = {
    schema: 3,
    version: 'first',
    session: {
      id: token.id,
      namespace: COOKIE,
      userId: nameOf(i),
      username: nameOf(i),
      createdAt: now,
      authenticatedAt: now,
      expiresAt: now + DAY_MS,
      endsAt: now + DAY_MS,
      address: `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`,
      device: 'Firefox on Linux',
      bound: false,
      data: {},
    },
    secretHash: hashSecret(token.secret),
    replaced: [],
  };
  return { record, id: token.id, cookie: `${COOKIE}=${formatToken(token)}` };
}

const BATCH = 1000;
const SAMPLE = 200;

/**
 * Creates sessions, one for each user. Returns the cookies of the first 1,000, and a sample of ids that is spread
 * evenly over all and includes the last.
 * @param {import('../dist.js').SessionStore} store
 * @param {number} count
 */
export async function createSessions(store, count) {
  const cookies = [];
  const ids = [];
  const distance = Math.ceil(count / SAMPLE);
  for (let done = 0; done < count; done += BATCH) {
    const made = Array.from({ length: Math.min(BATCH, count - done) }, (_, i) => makeSession(done + i));
    await Promise.all(made.map(({ record }) => store.create(record)));
    ids.push(...made.filter((_, i) => (count - 1 - done - i) % distance === 0).map(({ id }) => id));
    if (done === 0) {
      cookies.push(...made.map(({ cookie }) => cookie));
    }
  }
  return { cookies, ids };
}
