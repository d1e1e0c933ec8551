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

const DAY_MS = 86_400_000;

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
 * A session that nobody signed in for: its record, and the cookie that opens it.
 * @param {string} username
 * @param {number} livesMs
 */
export function mintSession(username, livesMs = DAY_MS) {
  const token = mintToken();
  const now = Date.now();
  const record = {
    id: token.id,
    secretHash: hashSecret(token.secret),
    username,
    createdAt: now,
    authenticatedAt: now,
    expiresAt: now + livesMs,
    endsAt: now + livesMs,
    address: '127.0.0.1',
    device: 'Firefox on Linux',
  };
  return { record, cookie: `${COOKIE}=${formatToken(token)}` };
}

/**
 * Puts sessions into a store, one a user, and answers with the cookies of the first thousand.
 * @param {import('../../dist/index.js').SessionStore} store
 * @param {number} count
 */
export async function seedSessions(store, count) {
  const cookies = [];
  const BATCH = 1000;
  for (let done = 0; done < count; done += BATCH) {
    const minted = Array.from({ length: Math.min(BATCH, count - done) }, (_, i) =>
      mintSession(nameOf(done + i)),
    );
    await Promise.all(minted.map(({ record }) => store.create(record)));
    if (done === 0) {
      cookies.push(...minted.map(({ cookie }) => cookie));
    }
  }
  return cookies;
}
