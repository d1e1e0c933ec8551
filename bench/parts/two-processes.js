import { inBlocks } from '../lib/blocks.js';
import { scratchDirectory } from '../lib/children.js';
import { startContestant } from '../lib/contestant-process.js';
import { load } from '../lib/load.js';

/** @typedef {import('../lib/contestant-process.js').Server} Server */

/** One process on a store, then two. No process but Redis is bound to a core. */
export async function twoProcesses(/** @type {Run} */ { entries: all, redis, rounds = 2, blocks = 3 }) {
  const entries = all.filter(({ id }) => id === 'ours-lmdb' || id === 'ours-redis');
  const found = await inBlocks(
    'two processes',
    { rounds, blocks },
    async () => {
      redis.flush();
      const servers = await Promise.all(entries.map((entry) => startPair(entry, redis)));
      return { servers, children: servers.flatMap(({ pair }) => pair.map(({ child }) => child)) };
    },
    async ({ pair }) => {
      const one = await perSecond(pair.slice(0, 1));
      const two = await perSecond(pair);
      return { one, two, speedUp: two / one };
    },
  );
  return { entries, found };
}

async function startPair(/** @type {Contestant} */ entry, /** @type {Run['redis']} */ redis) {
  const options = { redis, lmdbPath: scratchDirectory() };
  return { id: entry.id, pair: [await startContestant(entry, options), await startContestant(entry, options)] };
}

async function perSecond(/** @type {Server[]} */ servers) {
  const results = await Promise.all(servers.map((server) => load(server, 1)));
  return results.reduce((sum, result) => sum + result.perSecond, 0);
}
