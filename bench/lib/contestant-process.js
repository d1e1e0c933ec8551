import { openSync } from 'node:fs';
import { join } from 'node:path';
import { scratchDirectory, startProcess } from './children.js';
import { checkAccess, signInAll } from './client.js';

/** @typedef {Awaited<ReturnType<typeof startContestant>>} Server */

/**
 * Starts a contestant in its own process, creates its sessions and checks that only they give access.
 * @param {Contestant} entry
 * @param {{ redisUrl: string, sessions?: number, core?: number, hash?: boolean, lmdbPath?: string }} options
 */
export async function startContestant({ id, module, settings }, options) {
  const { redisUrl, sessions = 1000, core, hash = false } = options;
  // An empty directory, so that no `.env` file is read. The log goes to a file, as in production.
  const cwd = scratchDirectory();
  const stdout = openSync(join(cwd, 'log'), 'a');
  const child = startProcess('contestant.js', { core, stdout, cwd, env: { NODE_ENV: 'production' } });
  const { lmdbPath = join(cwd, 'lmdb') } = options;
  const made = await child.ask({ module, sessions, redisUrl, lmdbPath, hash, settings });
  /** @type {Target} */
  const target = { port: made.port, cookies: made.cookies ?? (await signInAll(made.port, sessions)) };
  await checkAccess(id, target);
  return { child, ...target };
}

/**
 * Measures each contestant once a round, each time in a new process: a change of the machine's speed affects all alike.
 * @template Lap
 * @param {string} table
 * @param {readonly Contestant[]} entries
 * @param {Run} run
 * @param {(entry: Contestant) => Promise<Lap>} measure
 */
export async function inRounds(table, entries, { rounds, redis }, measure) {
  const rows = entries.map((entry) => ({ entry, laps: /** @type {Lap[]} */ ([]) }));
  for (let round = 1; round <= rounds; round++) {
    for (const { entry, laps } of rows) {
      console.error(`${table}: ${entry.id}, round ${round} of ${rounds}`);
      redis.flush();
      laps.push(await measure(entry));
    }
  }
  return rows;
}
