import { openSync } from 'node:fs';
import { join } from 'node:path';
import { scratchDirectory, startProcess } from './children.js';
import { checkAccess, signInAll } from './client.js';

/**
 * @typedef {Awaited<ReturnType<typeof startContestant>>} Server
 * @typedef {object} ContestantOptions
 * @property {import('./redis.js').Redis} redis
 * @property {number} [sessions]
 * @property {number} [core]
 * @property {boolean} [hash]
 * @property {string} [lmdbPath]
 */

/**
 * Starts a contestant in its own process, creates its sessions and checks that only they give access.
 * @param {Contestant} entry
 * @param {ContestantOptions} options
 */
export async function startContestant({ id, module, settings, node }, options) {
  const { redis, sessions = 1000, core, hash = false } = options;
  // An empty directory, so that no `.env` file is read. The log goes to a file, as in production.
  const cwd = scratchDirectory();
  const stdout = openSync(join(cwd, 'log'), 'a');
  const child = startProcess('contestant.js', { node, core, stdout, cwd, env: { NODE_ENV: 'production' } });
  const { lmdbPath = join(cwd, 'lmdb') } = options;
  const made = await child.ask({ module, sessions, redisUrl: redis.url, lmdbPath, hash, settings });
  /** @type {Target} */
  const target = { port: made.port, cookies: made.cookies ?? (await signInAll(made.port, sessions)) };
  await checkAccess(id, target);
  return { id, child, ...target };
}

/** Starts contestants with an empty Redis. */
export async function startContestants(
  /** @type {readonly Contestant[]} */ entries,
  /** @type {ContestantOptions} */ options,
) {
  options.redis.flush();
  const servers = [];
  for (const entry of entries) {
    servers.push(await startContestant(entry, options));
  }
  return { servers, children: servers.map(({ child }) => child) };
}
