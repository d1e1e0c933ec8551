import { cpuMillis } from '../lib/process-costs.js';
import { emptyRedis } from '../lib/redis.js';
import { run } from '../lib/running.js';
import { percentile } from '../lib/stats.js';
import { runFlow } from '../load/run-flow.js';

/**
 * @typedef {import('../contestants/list.js').Entry} Entry
 * @typedef {object} Lap
 * @property {number} perSecond Sign-ins.
 * @property {number} cpuMillis CPU time of the server a sign-in, those included whom the visitors cost it.
 * @property {number} quiet p99 of /welcome in milliseconds while nobody signs in.
 * @property {number} storm The same while sign-ins take all they can get.
 */

/** Who signs in over and over, at the same time. */
const CLIENTS = 16;
const USERS = 100;
/** Visitors come at a steady pace that no contestant has trouble with, so that what they wait for is the sign-ins. */
const VISITS = { kind: /** @type {const} */ ('paced'), perSecond: 200, connections: 16 };

/**
 * Sign-ins a second with right passwords at the cost of a real hash, and what they do to everybody else. Only Redis is held
 * to a core: hashing has threads of its own, and is meant to leave a core to the others.
 * @param {{ entries: readonly Entry[], rounds: number, seconds: number, redisUrl: string }} options
 * @param {(text: string) => void} tell
 * @returns {Promise<{ entry: Entry, laps: Lap[] }[]>}
 */
export async function signin({ entries, rounds, seconds, redisUrl }, tell) {
  const rows = entries
    .filter((entry) => entry.signIn)
    .map((entry) => ({ entry, laps: /** @type {Lap[]} */ ([]) }));
  for (let round = 1; round <= rounds; round++) {
    for (const { entry, laps } of rows) {
      tell(`sign-in: ${entry.id}, round ${round} of ${rounds}`);
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
  const server = await run(entry, { redisUrl, hash: true, sessions: USERS });
  const { port, cookies } = server;
  const visits = { ...VISITS, port, cookies };
  const signIns = {
    kind: /** @type {const} */ ('signin'),
    port,
    cookies: [],
    connections: CLIENTS,
    users: USERS,
  };
  // The compiler, and the first pages of memory for the hashes.
  await Promise.all([runFlow({ ...visits, seconds: 1 }), runFlow({ ...signIns, seconds: 1 })]);

  const quiet = await Promise.race([runFlow({ ...visits, seconds }), server.died()]);
  const before = cpuMillis(server.pid);
  // The storm is longer at both ends.
  const storm = runFlow({ ...signIns, seconds: seconds + 0.5 });
  await new Promise((resolve) => setTimeout(resolve, 250));
  const [visited, signedIn] = await Promise.race([
    Promise.all([runFlow({ ...visits, seconds }), storm]),
    server.died(),
  ]);
  const used = cpuMillis(server.pid) - before;
  await server.stop();
  return {
    perSecond: signedIn.perSecond,
    cpuMillis: used / signedIn.requests,
    quiet: percentile(quiet.latencies, 0.99),
    storm: percentile(visited.latencies, 0.99),
  };
}
