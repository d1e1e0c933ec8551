import { closeStores, MemoryUserStore, newUser, openStores, PasswordHasher } from '../../dist/index.js';
import { parseStoreUrl } from '../../dist/stores/store-url.js';
import { buildOurs, seedSessions } from '../lib/ours.js';
import { nameOf } from '../lib/welcome.js';
import { contestant } from './contestant.js';

contestant(async ({ sessions, redisUrl, lmdbPath, hash, settings }) => {
  const urls = { memory: 'memory:', lmdb: `lmdb:${lmdbPath}`, redis: redisUrl };
  const storeUrl = urls[/** @type {keyof urls} */ (settings.store)];
  const sessionStore = settings.cache === false ? await withoutCache(redisUrl) : undefined;
  // Right passwords only, but more at once than one user's budget of failures has room for; and so many sessions that
  // none ends another.
  const env = {
    SESSIONS_PER_USER: '10000',
    SIGNIN_FAILURES_PER_ADDRESS: '1000000',
    SIGNIN_FAILURES_PER_USER: '1000000',
  };
  const userStore = hash ? await withUsers(storeUrl, sessions) : undefined;
  const app = await buildOurs(
    { STORE_URL: storeUrl, ...env },
    { ...(sessionStore && { sessionStore }), ...(userStore && { userStore }) },
  );
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

/**
 * Users who can sign in, as many as there are sessions. One hash does for all: it is computed at their sign-in.
 * @param {string} storeUrl
 * @param {number} count
 */
async function withUsers(storeUrl, count) {
  const passwordHash = await new PasswordHasher().hash('password1');
  const users = Array.from({ length: count }, (_, i) => newUser(nameOf(i), passwordHash));
  if (storeUrl === 'memory:') {
    // Nobody else sees what is in the memory of a process: the service is given this one.
    const store = new MemoryUserStore();
    users.forEach((user) => {
      store.create(user);
    });
    return store;
  }
  const stores = await openStores(storeUrl);
  await Promise.all(users.map((user) => stores.users.create(user)));
  await closeStores(stores);
  return undefined;
}
