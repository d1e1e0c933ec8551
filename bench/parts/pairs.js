import { contestants } from '../contestants/list.js';
import { emptyRedis } from '../lib/redis.js';
import { run } from '../lib/running.js';
import { scratchDirectory } from '../lib/scratch.js';
import { load } from '../load/load.js';

/**
 * @typedef {import('../contestants/list.js').Entry} Entry
 * @typedef {{ entry: Entry, one: number[], two: number[] }} Pair Requests a second, by rounds.
 */

/**
 * One process on a store, and two at once. Only Redis is held to a core: the machine's cores are shared with whatever loads
 * them.
 * @param {{ rounds: number, seconds: number, redisUrl: string }} options
 * @param {(text: string) => void} tell
 * @returns {Promise<Pair[]>}
 */
export async function pairs({ rounds, seconds, redisUrl }, tell) {
  const entries = contestants.filter(({ id }) => id === 'ours-lmdb' || id === 'ours-redis');
  /** @type {Pair[]} */
  const rows = entries.map((entry) => ({ entry, one: [], two: [] }));
  for (let round = 1; round <= rounds; round++) {
    for (const { entry, one, two } of rows) {
      tell(`two processes: ${entry.id}, round ${round} of ${rounds}`);
      await emptyRedis(redisUrl);
      const lmdbPath = scratchDirectory('pair');
      const servers = [await run(entry, { redisUrl, lmdbPath }), await run(entry, { redisUrl, lmdbPath })];
      one.push(await perSecond(servers.slice(0, 1), seconds));
      two.push(await perSecond(servers, seconds));
      await Promise.all(servers.map((server) => server.stop()));
    }
  }
  return rows;
}

/**
 * @param {import('../lib/running.js').Running[]} servers
 * @param {number} seconds
 */
async function perSecond(servers, seconds) {
  const loads = () => Promise.all(servers.map(({ port, cookies }) => load({ port, cookies, seconds })));
  await Promise.all(servers.map(({ port, cookies }) => load({ port, cookies, seconds: 1 })));
  const done = await Promise.race([loads(), ...servers.map((server) => server.died())]);
  return done.reduce((sum, one) => sum + one.perSecond, 0);
}
