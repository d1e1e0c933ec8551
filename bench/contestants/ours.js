import { closeStores, MemoryUserStore, newUser, openStores, PasswordHasher } from '../dist.js';
import { nameOf, PASSWORD } from '../lib/client.js';
import { buildService, createSessions, openUncachedRedis } from '../lib/service.js';

// One user signs in more often at the same time than the default limits allow.
const LIMITS = {
  SESSIONS_PER_USER: '10000',
  SIGNIN_FAILURES_PER_ADDRESS: '1000000',
  SIGNIN_FAILURES_PER_USER: '1000000',
};

/** @type {Make} */
export default async function ours({ sessions, redisUrl, lmdbPath, hash, settings }) {
  const urls = { memory: 'memory:', lmdb: `lmdb:${lmdbPath}`, redis: redisUrl };
  const storeUrl = urls[settings.store ?? 'memory'];
  const sessionStore = settings.cache === false ? await openUncachedRedis(redisUrl) : undefined;
  const userStore = hash ? await createUsers(storeUrl, sessions) : undefined;
  const app = await buildService({ STORE_URL: storeUrl, ...LIMITS, ...settings.env }, { sessionStore, userStore });
  return { app, cookies: (await createSessions(app.sessionStore, sessions)).cookies };
}

/** Creates users, who share one password hash: a sign-in computes it. */
async function createUsers(/** @type {string} */ storeUrl, /** @type {number} */ count) {
  const passwordHash = await new PasswordHasher().hash(PASSWORD);
  const users = Array.from({ length: count }, (_, i) => newUser(nameOf(i), passwordHash));
  if (storeUrl === 'memory:') {
    const store = new MemoryUserStore();
    await Promise.all(users.map((user) => store.create(user)));
    return store;
  }
  // The service finds them in the same place.
  const stores = await openStores(storeUrl);
  await Promise.all(users.map((user) => stores.users.create(user)));
  await closeStores(stores);
  return undefined;
}
