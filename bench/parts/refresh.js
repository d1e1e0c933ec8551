import { LOAD_CORE, SERVER_CORE } from '../lib/children.js';
import { inRounds, startContestant } from '../lib/contestant-process.js';
import { runFlow } from '../lib/load.js';
import { percentile } from '../lib/stats.js';

/** @typedef {Awaited<ReturnType<typeof refresh>>} RefreshRows */

const CLIENTS = 32;
const WARM_UP_SECONDS = 2;

/** POST /refresh: each client replaces its token, and then the token that it got. */
export async function refresh(/** @type {Run} */ run) {
  const { seconds, redis } = run;
  const entries = run.entries.filter(({ tables }) => tables.includes('refresh'));
  return inRounds('POST /refresh', entries, run, async (entry) => {
    const options = { redisUrl: redis.url, core: SERVER_CORE };
    const { child, port, cookies } = await startContestant(entry, options);
    const flow = { kind: /** @type {const} */ ('refresh'), port, connections: CLIENTS };
    // The warm-up replaces its tokens: the measurement starts with others.
    const warmUp = { ...flow, cookies: cookies.slice(CLIENTS), seconds: Math.min(WARM_UP_SECONDS, seconds) };
    await runFlow(warmUp, LOAD_CORE);
    const measured = { ...flow, cookies, seconds };
    const { result, cpuMillis } = await child.cpuDuring(() => runFlow(measured, LOAD_CORE));
    await child.stop();
    const { perSecond, latencies } = result;
    return { perSecond, cpuMicros: (cpuMillis * 1000) / latencies.length, p99: percentile(latencies, 0.99) };
  });
}
