import { inBlocks } from '../lib/blocks.js';
import { LOAD_CORE, SERVER_CORE } from '../lib/children.js';
import { startContestants } from '../lib/contestant-process.js';
import { runFlow } from '../lib/load.js';
import { percentile } from '../lib/stats.js';

/** @typedef {import('../lib/contestant-process.js').Server} Server */

const CLIENTS = 32;
const SECONDS = 2;

/** POST /refresh: each client replaces its token, and then the token that it got. */
export async function refresh(/** @type {Run} */ { entries: all, redis, rounds = 2, blocks = 2 }) {
  const entries = all.filter(({ tags }) => tags.includes('refresh'));
  const start = () => startContestants(entries, { redis, core: SERVER_CORE });
  return { entries, found: await inBlocks('POST /refresh', { rounds, blocks }, start, slice) };
}

async function slice(/** @type {Server} */ { child, port, cookies: unused }) {
  // A token is valid once.
  const cookies = unused.splice(0, CLIENTS);
  const flow = { kind: /** @type {const} */ ('refresh'), port, cookies, connections: CLIENTS, seconds: SECONDS };
  const { result, cpuMillis } = await child.cpuDuring(() => runFlow(flow, LOAD_CORE));
  const { perSecond, latencies } = result;
  return { perSecond, cpuMicros: (cpuMillis * 1000) / latencies.length, p99: percentile(latencies, 0.99) };
}
