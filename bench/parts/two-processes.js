import { scratchDirectory } from '../lib/children.js';
import { inRounds, startContestant } from '../lib/contestant-process.js';
import { load } from '../lib/load.js';

/** @typedef {Awaited<ReturnType<typeof twoProcesses>>} TwoProcessesRows */

/** One process on a store, then two. No process but Redis is bound to a core. */
export async function twoProcesses(/** @type {Run} */ run) {
  const { seconds, redis } = run;
  const entries = run.entries.filter(({ id }) => id === 'ours-lmdb' || id === 'ours-redis');
  return inRounds('two processes', entries, run, async (entry) => {
    const options = { redisUrl: redis.url, lmdbPath: scratchDirectory() };
    const servers = [await startContestant(entry, options), await startContestant(entry, options)];
    const one = await perSecond(servers.slice(0, 1), seconds);
    const two = await perSecond(servers, seconds);
    await Promise.all(servers.map(({ child }) => child.stop()));
    return { one, two };
  });
}

async function perSecond(/** @type {import('../lib/contestant-process.js').Server[]} */ servers, seconds) {
  await Promise.all(servers.map((server) => load(server, 1)));
  const results = await Promise.all(servers.map((server) => load(server, seconds)));
  return results.reduce((sum, result) => sum + result.perSecond, 0);
}
