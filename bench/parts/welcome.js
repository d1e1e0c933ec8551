import { setTimeout as sleep } from 'node:timers/promises';
import { LOAD_CORE, SERVER_CORE } from '../lib/children.js';
import { inRounds, startContestant } from '../lib/contestant-process.js';
import { load } from '../lib/load.js';

/** @typedef {Awaited<ReturnType<typeof welcome>>} WelcomeRows */

/** Until the compiler has optimized the server. */
const WARM_UP_SECONDS = 2;

/** GET /welcome under full load. */
export async function welcome(/** @type {Run} */ run) {
  const { entries, seconds, redis } = run;
  return inRounds('GET /welcome', entries, run, async (entry) => {
    const server = await startContestant(entry, { redisUrl: redis.url, core: SERVER_CORE });
    await load(server, Math.min(WARM_UP_SECONDS, seconds), LOAD_CORE);
    await sleep(100);
    const { result, cpuMillis } = await server.child.cpuDuring(() => load(server, seconds, LOAD_CORE));
    const residentMiB = server.child.residentMiB();
    await server.child.stop();
    return { ...result, cpuMicros: (cpuMillis * 1000) / result.requests, residentMiB };
  });
}
