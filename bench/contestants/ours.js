import { parseStoreUrl } from '../../dist/stores/store-url.js';
import { buildOurs, seedSessions } from '../lib/ours.js';
import { contestant } from './contestant.js';

contestant(async ({ sessions, redisUrl, lmdbPath, settings }) => {
  const storeUrl = { memory: 'memory:', lmdb: `lmdb:${lmdbPath}`, redis: redisUrl }[settings.store];
  const sessionStore = settings.cache === false ? await withoutCache(redisUrl) : undefined;
  // Right passwords only, but more at once than one user's budget of failures has room for.
  const env = { SIGNIN_FAILURES_PER_ADDRESS: '1000000', SIGNIN_FAILURES_PER_USER: '1000000' };
  const app = await buildOurs({ STORE_URL: storeUrl, ...env }, sessionStore && { sessionStore });
  await app.ready();
  return { app, cookies: await seedSessions(app.sessionStore, sessions) };
});

/** @param {string} url */
async function withoutCache(url) {
  const { RedisConnection } = await import('../../dist/stores/redis/connection.js');
  const { RedisSessionStore } = await import('../../dist/stores/redis/session-store.js');
  const location = /** @type {Extract<ReturnType<typeof parseStoreUrl>, { engine: 'redis' }>} */ (
    parseStoreUrl(url)
  );
  const log = { info() {}, warn() {} };
  const connection = await RedisConnection.open(location.server, {
    timeoutMs: 500,
    keyPrefix: 'login:',
    log,
  });
  return new RedisSessionStore(connection, { cacheEntries: 0 });
}
