const MEMORY = /** @type {const} */ ({ store: 'memory' });
const LMDB = /** @type {const} */ ({ store: 'lmdb' });
const REDIS = /** @type {const} */ ({ store: 'redis' });

// To add a contestant, add a module that exports a `Make` (types.d.ts) by default, and a line here:
// id, title, module, settings, tags.
const lines = /** @type {[string, string, string, Contestant['settings'], string][]} */ ([
  ['fastify-bare', 'bare Fastify, no session', 'bare', {}, 'often'],
  ['fastify-bare-again', 'the same once more: the control', 'bare', {}, 'often'],
  ['ours-memory', 'ours, memory', 'ours', MEMORY, 'often refresh signin'],
  ['ours-lmdb', 'ours, LMDB', 'ours', LMDB, 'often refresh signin'],
  ['ours-redis', 'ours, Redis, near cache', 'ours', REDIS, 'often refresh signin'],
  ['ours-redis-nocache', 'ours, Redis, asked every time', 'ours', { ...REDIS, cache: false }, 'refresh'],
  ['by-hand-headers', 'by hand on Fastify: our headers, a cookie, one SHA-256, a map', 'by-hand', {}, 'often refresh'],
  ['express-tutorial', 'Express, cookie-parser and a map, as in tutorials', 'tutorial', {}, ''],
  ['express-session', 'express-session, memory', 'express-session', {}, ''],
  ['fastify-session-memory', '@fastify/session, memory', 'fastify-session', MEMORY, 'refresh signin'],
  ['fastify-session-redis', '@fastify/session, Redis', 'fastify-session', REDIS, 'refresh'],
  ['fastify-secure-session', '@fastify/secure-session, all in the cookie', 'secure-session', {}, ''],
  ['better-auth', 'better-auth, memory', 'better-auth', {}, ''],
]);

/** @type {readonly Contestant[]} */
export const contestants = lines.map(([id, title, module, settings, tags]) => ({
  id,
  title,
  module,
  settings,
  tags: /** @type {Contestant['tags']} */ (tags.split(' ')),
}));
