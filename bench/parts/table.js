import { setTimeout as sleep } from 'node:timers/promises';
import { LOAD_CORE, SERVER_CORE } from '../lib/cores.js';
import { cpuMillis, residentMiB } from '../lib/process-costs.js';
import { emptyRedis } from '../lib/redis.js';
import { run } from '../lib/running.js';
import { load } from '../load/load.js';

/**
 * @typedef {import('../contestants/list.js').Entry} Entry
 * @typedef {object} Lap One contestant in one round.
 * @property {number} perSecond
 * @property {number} cpuMicros CPU time of the server a request.
 * @property {number} p50 Milliseconds.
 * @property {number} p99 Milliseconds.
 * @property {number} residentMiB
 * @typedef {{ entry: Entry, laps: Lap[] }} Row
 */

/** The compiler needs some thousands of requests. */
const WARM_UP_SECONDS = 2;

/**
 * `GET /welcome` on every contestant, one after the other, and that several times: a change of the machine's speed hits
 * all alike, and each has a fresh process in each round, for processes of one program differ.
 * @param {{ entries: readonly Entry[], rounds: number, seconds: number, redisUrl: string }} options
 * @param {(text: string) => void} tell
 * @returns {Promise<Row[]>}
 */
export async function table({ entries, rounds, seconds, redisUrl }, tell) {
  /** @type {Row[]} */
  const rows = entries.map((entry) => ({ entry, laps: [] }));
  for (let round = 1; round <= rounds; round++) {
    for (const { entry, laps } of rows) {
      tell(`${entry.id}, round ${round} of ${rounds}`);
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
  const target = { port: server.port, cookies: server.cookies, core: LOAD_CORE };
  await load({ ...target, seconds: Math.min(WARM_UP_SECONDS, seconds) });
  await sleep(100);

  const before = cpuMillis(server.pid);
  const { requests, perSecond, p50, p99 } = await Promise.race([load({ ...target, seconds }), server.died()]);
  const cpuMicros = ((cpuMillis(server.pid) - before) * 1000) / requests;
  const result = { perSecond, cpuMicros, p50, p99, residentMiB: residentMiB(server.pid) };
  await server.stop();
  return result;
}
