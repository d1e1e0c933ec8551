const MEMORY = /** @type {const} */ ({ store: 'memory' });
const LMDB = /** @type {const} */ ({ store: 'lmdb' });
const REDIS = /** @type {const} */ ({ store: 'redis' });
const LIKE_OURS = /** @type {const} */ ({ likeOurs: true });

// To add a contestant, add a module that exports a `Make` (types.d.ts) by default, and a line here:
// id, title, module, settings, tags.
const lines = /** @type {[string, string, string, Contestant['settings'], string][]} */ ([
  ['fastify-bare', 'bare Fastify, no session', 'bare', {}, 'often'],
  ['fastify-bare-again', 'the same once more: the control', 'bare', {}, 'often'],
  ['ours-memory', 'ours, memory', 'ours', MEMORY, 'often refresh signin'],
  ['ours-lmdb', 'ours, LMDB', 'ours', LMDB, 'often refresh signin'],
  ['ours-redis', 'ours, Redis, near cache', 'ours', REDIS, 'often refresh signin'],
  ['ours-redis-nocache', 'ours, Redis, asked every time', 'ours', { ...REDIS, cache: false }, 'refresh'],
  [
    'by-hand-headers',
    'by hand on Fastify: the headers of ours, a cookie, a SHA-256, a map',
    'by-hand',
    LIKE_OURS,
    'often',
  ],
  ['by-hand', 'by hand on Fastify: a cookie and a map', 'by-hand', {}, 'refresh'],
  ['express-tutorial', 'Express, cookie-parser and a map, as in tutorials', 'tutorial', {}, 'refresh signin'],
  ['express-session', 'express-session, memory', 'express-session', {}, 'refresh'],
  ['fastify-session-memory', '@fastify/session, memory', 'fastify-session', MEMORY, 'refresh signin'],
  ['fastify-session-redis', '@fastify/session, Redis', 'fastify-session', REDIS, 'refresh'],
  ['fastify-secure-session', '@fastify/secure-session, all in the cookie', 'secure-session', {}, ''],
  ['better-auth', 'better-auth, memory', 'better-auth', {}, 'signin'],
]);

/** @type {readonly Contestant[]} */
export const contestants = lines.map(([id, title, module, settings, tags]) => ({
  id,
  title,
  module,
  settings,
  tags: /** @type {Contestant['tags']} */ (tags.split(' ')),
}));
