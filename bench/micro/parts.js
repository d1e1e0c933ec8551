import { HostCookie } from '../../dist/plugins/host-cookie.js';
import { securityHeadersFor } from '../../dist/plugins/security-headers.js';
import { SessionManager } from '../../dist/sessions/manager.js';
import { hashesMatch, hashSecret, parseToken } from '../../dist/sessions/token.js';
import { openStores } from '../../dist/stores/open-stores.js';
import { RedisConnection } from '../../dist/stores/redis/connection.js';
import { RedisSessionStore } from '../../dist/stores/redis/session-store.js';
import { parseStoreUrl } from '../../dist/stores/store-url.js';
import { buildOurs, COOKIE, seedSessions } from '../lib/ours.js';
import { WELCOME } from '../lib/welcome.js';
import { variants } from '../one-process/variants.js';
import { answer, reply } from './request-path.js';

export const SESSIONS = 1000;
const PLAIN = { 'content-type': 'text/plain; charset=utf-8', 'content-length': String(WELCOME.length) };
const HEADERS = { ...securityHeadersFor({ https: false }), ...PLAIN };
const LIFETIMES = { idleSeconds: 86_400, maxSeconds: 86_400, reuseWindowSeconds: 10 };

/**
 * The parts of what an authenticated request meets, in its order. Each is called with a number that says which of the
 * sessions it is about.
 * @typedef {{ name: string, call: (i: number) => unknown }} Part
 * @param {{ redisUrl: string, lmdbPath: string }} at
 * @returns {Promise<{ parts: Part[], close: () => Promise<void> }>}
 */
export async function openParts({ redisUrl, lmdbPath }) {
  const stores = await openAll(redisUrl, lmdbPath);
  const cookies = await seedEach(Object.values(stores));
  const apps = { bare: (await variants.bare()).app, ours: await buildOurs({ LOG_LEVEL: 'error' }) };
  const cookiesOfOurs = await seedSessions(apps.ours.sessionStore, SESSIONS);
  await Promise.all(Object.values(apps).map((app) => app.ready()));
  const parts = [
    ...tokenParts(cookies.memory),
    ...storeParts(stores, cookies),
    ...managerParts(stores, cookies),
    { name: 'reply, bare', call: () => reply(PLAIN, WELCOME) },
    { name: 'reply, with the headers', call: () => reply(HEADERS, WELCOME) },
    { name: 'request, bare', call: (/** @type {number} */ i) => answer(apps.bare, at(cookiesOfOurs, i)) },
    {
      name: 'request, ours on memory',
      call: (/** @type {number} */ i) => answer(apps.ours, at(cookiesOfOurs, i)),
    },
  ];
  const close = async () => {
    await Promise.all([...Object.values(apps), ...Object.values(stores)].map((open) => open.close()));
  };
  return { parts, close };
}

/**
 * @param {string} redisUrl
 * @param {string} lmdbPath
 */
async function openAll(redisUrl, lmdbPath) {
  const location = parseStoreUrl(redisUrl);
  if (location.engine !== 'redis') {
    throw new TypeError(`${redisUrl} is no Redis server`);
  }
  const log = { info() {}, warn() {} };
  const uncached = await RedisConnection.open(location.server, { timeoutMs: 500, keyPrefix: 'bare:', log });
  return {
    memory: (await openStores('memory:')).sessions,
    lmdb: (await openStores(`lmdb:${lmdbPath}`)).sessions,
    'redis, near': (await openStores(redisUrl)).sessions,
    'redis, asked': new RedisSessionStore(uncached, { cacheEntries: 0 }),
  };
}

/** @param {import('../../dist/index.js').SessionStore[]} stores */
async function seedEach(stores) {
  const [memory, lmdb, near, asked] = await Promise.all(stores.map((store) => seedSessions(store, SESSIONS)));
  return /** @type {Record<string, string[]>} */ ({
    memory,
    lmdb,
    'redis, near': near,
    'redis, asked': asked,
  });
}

/**
 * @param {string[]} cookies
 * @returns {Part[]}
 */
function tokenParts(cookies = []) {
  const jar = new HostCookie(String, { name: COOKIE });
  const requests = /** @type {any[]} */ (cookies.map((cookie) => ({ headers: { cookie } })));
  const texts = cookies.map(tokenOf);
  const secrets = texts.map((text) => parseToken(text)?.secret ?? '');
  const hashes = secrets.map(hashSecret);
  return [
    { name: 'read the cookie', call: (i) => jar.read(at(requests, i)) },
    { name: 'parse the token', call: (i) => parseToken(at(texts, i)) },
    { name: 'hash the secret', call: (i) => hashSecret(at(secrets, i)) },
    { name: 'compare the hashes', call: (i) => hashesMatch(at(hashes, i), at(hashes, i)) },
  ];
}

/**
 * @param {Record<string, import('../../dist/index.js').SessionStore>} stores
 * @param {Record<string, string[]>} cookies
 * @returns {Part[]}
 */
function storeParts(stores, cookies) {
  return Object.entries(stores).map(([name, store]) => {
    const ids = (cookies[name] ?? []).map((cookie) => parseToken(tokenOf(cookie))?.id ?? '');
    return { name: `find, ${name}`, call: (i) => store.find(at(ids, i)) };
  });
}

/**
 * @param {Record<string, import('../../dist/index.js').SessionStore>} stores
 * @param {Record<string, string[]>} cookies
 * @returns {Part[]}
 */
function managerParts(stores, cookies) {
  return Object.entries(stores).map(([name, store]) => {
    const manager = new SessionManager(store, Date.now, LIFETIMES);
    const texts = (cookies[name] ?? []).map(tokenOf);
    return { name: `authenticate, ${name}`, call: (i) => manager.authenticate(at(texts, i)) };
  });
}

/** @param {string} cookie */
function tokenOf(cookie) {
  return cookie.slice(COOKIE.length + 1);
}

/**
 * @template T
 * @param {T[]} items
 * @param {number} i
 * @returns {T}
 */
function at(items, i) {
  return /** @type {T} */ (items[i % items.length]);
}
