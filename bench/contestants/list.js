const MEMORY = /** @type {const} */ ({ store: 'memory' });
const LMDB = /** @type {const} */ ({ store: 'lmdb' });
const REDIS = /** @type {const} */ ({ store: 'redis' });

// To add a contestant, add a module that exports a `Make` (types.d.ts) by default, and a line here:
// id, title, module, settings, the tables beside GET /welcome.
const lines = /** @type {[string, string, string, Contestant['settings'], string][]} */ ([
  ['fastify-bare', 'bare Fastify, no session', 'bare', {}, ''],
  ['fastify-bare-again', 'the same once more: the control', 'bare', {}, ''],
  ['ours-memory', 'ours, memory', 'ours', MEMORY, 'refresh signin'],
  ['ours-lmdb', 'ours, LMDB', 'ours', LMDB, 'refresh signin'],
  ['ours-redis', 'ours, Redis, near cache', 'ours', REDIS, 'refresh signin'],
  ['ours-redis-nocache', 'ours, Redis, asked every time', 'ours', { ...REDIS, cache: false }, 'refresh'],
  ['fastify-cookie-map', 'Fastify, a cookie and a map by hand', 'by-hand', MEMORY, 'refresh'],
  ['fastify-cookie-redis', 'Fastify, a cookie and one GET of Redis by hand', 'by-hand', REDIS, 'refresh'],
  ['express-tutorial', 'Express, cookie-parser and a map, as in tutorials', 'tutorial', {}, 'refresh signin'],
  ['express-session-memory', 'express-session, memory', 'express-session', MEMORY, 'refresh signin'],
  ['express-session-redis', 'express-session, Redis', 'express-session', REDIS, 'refresh'],
  ['fastify-session-memory', '@fastify/session, memory', 'fastify-session', MEMORY, 'refresh signin'],
  ['fastify-session-redis', '@fastify/session, Redis', 'fastify-session', REDIS, 'refresh'],
  ['fastify-secure-session', '@fastify/secure-session, all in the cookie', 'secure-session', {}, ''],
  ['better-auth', 'better-auth, memory', 'better-auth', { cookieCache: false }, 'signin'],
  ['better-auth-cookie-cache', 'better-auth, cookie cache', 'better-auth', { cookieCache: true }, ''],
]);

/** @type {readonly Contestant[]} */
export const contestants = lines.map(([id, title, module, settings, tables]) => ({
  id,
  title,
  module,
  settings,
  tables: /** @type {Contestant['tables']} */ (tables.split(' ')),
}));
