import { LOAD_CORE, SERVER_CORE } from '../lib/cores.js';
import { cpuMillis } from '../lib/process-costs.js';
import { emptyRedis } from '../lib/redis.js';
import { run } from '../lib/running.js';
import { percentile } from '../lib/stats.js';
import { runFlow } from '../load/run-flow.js';

/**
 * @typedef {import('../contestants/list.js').Entry} Entry
 * @typedef {{ perSecond: number, cpuMicros: number, p99: number }} Lap
 */

/** Sessions that are refreshed over and over, each by one client. */
const CLIENTS = 32;
const WARM_UP_SECONDS = 2;

/**
 * Rotations a second: each client swaps its token, and swaps the one it got for the next.
 * @param {{ entries: readonly Entry[], rounds: number, seconds: number, redisUrl: string }} options
 * @param {(text: string) => void} tell
 * @returns {Promise<{ entry: Entry, laps: Lap[] }[]>}
 */
export async function refresh({ entries, rounds, seconds, redisUrl }, tell) {
  const rows = entries
    .filter((entry) => entry.refresh)
    .map((entry) => ({ entry, laps: /** @type {Lap[]} */ ([]) }));
  for (let round = 1; round <= rounds; round++) {
    for (const { entry, laps } of rows) {
      tell(`refresh: ${entry.id}, round ${round} of ${rounds}`);
      laps.push(await lap(entry, seconds, redisUrl));
    }
  }
  return rows;
}

/**
 * @param {Entry} entry
 * @param {number} seconds
 * @param {string} redisUrl
 * @returns {Promise<Lap>}
 */
async function lap(entry, seconds, redisUrl) {
  await emptyRedis(redisUrl);
  const server = await run(entry, { redisUrl, core: SERVER_CORE });
  const { port, cookies } = server;
  const flow = { kind: /** @type {const} */ ('refresh'), port, connections: CLIENTS };
  // The tokens of the warm-up are dead after it: those that are measured begin with others.
  const warmUp = { ...flow, cookies: cookies.slice(CLIENTS), seconds: Math.min(WARM_UP_SECONDS, seconds) };
  await runFlow(warmUp, LOAD_CORE);
  const before = cpuMillis(server.pid);
  const outcome = await Promise.race([runFlow({ ...flow, cookies, seconds }, LOAD_CORE), server.died()]);
  const cpuMicros = ((cpuMillis(server.pid) - before) * 1000) / outcome.requests;
  await server.stop();
  return { perSecond: outcome.perSecond, cpuMicros, p99: percentile(outcome.latencies, 0.99) };
}
