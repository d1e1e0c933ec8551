/**
 * Who takes part. To add one: a file that calls `contestant`, and an entry here.
 *
 * @typedef {object} Entry
 * @property {string} id
 * @property {string} file
 * @property {string} title
 * @property {Record<string, any>} [settings]
 * @property {boolean} [open] Answers 200 to everybody: only the bare route.
 * @property {boolean} [refresh] Can swap a session's token for a fresh one.
 * @property {boolean} [signIn] Is asked for its sign-ins a second.
 * @property {string[]} [packages] Whose versions are worth telling.
 * @type {readonly Entry[]}
 */
export const contestants = [
  { id: 'fastify-bare', file: 'fastify-bare.js', title: 'bare Fastify, no session', open: true },
  { id: 'fastify-bare-again', file: 'fastify-bare.js', title: 'the same once more: the control', open: true },
  ours('memory', 'ours, memory'),
  ours('lmdb', 'ours, LMDB'),
  ours('redis', 'ours, Redis, near cache'),
  {
    ...ours('redis', 'ours, Redis, asked every time'),
    id: 'ours-redis-nocache',
    settings: { store: 'redis', cache: false },
    signIn: false,
  },
  {
    id: 'fastify-cookie-map',
    file: 'fastify-cookie.js',
    title: 'Fastify, a cookie and a map by hand',
    settings: { store: 'memory' },
    refresh: true,
  },
  {
    id: 'fastify-cookie-redis',
    file: 'fastify-cookie.js',
    title: 'Fastify, a cookie and one GET of Redis by hand',
    settings: { store: 'redis' },
    refresh: true,
    packages: ['redis'],
  },
  {
    id: 'express-tutorial',
    file: 'express-tutorial.js',
    title: 'Express, cookie-parser and a map, as in tutorials',
    refresh: true,
    signIn: true,
    packages: ['express', 'cookie-parser'],
  },
  {
    id: 'express-session-memory',
    file: 'express-session.js',
    title: 'express-session, memory',
    settings: { store: 'memory' },
    refresh: true,
    signIn: true,
    packages: ['express', 'express-session'],
  },
  {
    id: 'express-session-redis',
    file: 'express-session.js',
    title: 'express-session, Redis',
    settings: { store: 'redis' },
    refresh: true,
    packages: ['express-session', 'connect-redis', 'redis'],
  },
  {
    id: 'fastify-session-memory',
    file: 'fastify-session.js',
    title: '@fastify/session, memory',
    settings: { store: 'memory' },
    refresh: true,
    signIn: true,
    packages: ['@fastify/session', '@fastify/cookie'],
  },
  {
    id: 'fastify-session-redis',
    file: 'fastify-session.js',
    title: '@fastify/session, Redis',
    settings: { store: 'redis' },
    refresh: true,
    packages: ['@fastify/session', 'connect-redis', 'redis'],
  },
  {
    id: 'fastify-secure-session',
    file: 'fastify-secure-session.js',
    title: '@fastify/secure-session, all in the cookie',
    packages: ['@fastify/secure-session'],
  },
  {
    id: 'better-auth',
    file: 'better-auth.js',
    title: 'better-auth, memory',
    settings: { cookieCache: false },
    signIn: true,
    packages: ['better-auth'],
  },
  {
    id: 'better-auth-cookie-cache',
    file: 'better-auth.js',
    title: 'better-auth, cookie cache',
    settings: { cookieCache: true },
    packages: ['better-auth'],
  },
];

/**
 * @param {'memory' | 'lmdb' | 'redis'} store
 * @param {string} title
 * @returns {Entry}
 */
function ours(store, title) {
  return { id: `ours-${store}`, file: 'ours.js', title, settings: { store }, refresh: true, signIn: true };
}
