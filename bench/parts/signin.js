import { setTimeout as sleep } from 'node:timers/promises';
import { inRounds, startContestant } from '../lib/contestant-process.js';
import { runFlow } from '../lib/load.js';
import { percentile } from '../lib/stats.js';

/** @typedef {Awaited<ReturnType<typeof signin>>} SigninRows */

const USERS = 100;
const SIGN_INS = { kind: /** @type {const} */ ('signin'), connections: 16, users: USERS };
/** A pace that every contestant keeps easily: the visitors wait only for the sign-ins. */
const VISITS = { kind: /** @type {const} */ ('visits'), connections: 16, perSecond: 200 };

/**
 * POST /signin with right passwords and a real hash, and what it does to the visitors of /welcome. No process but Redis
 * is bound to a core: hashing runs in threads of its own.
 */
export async function signin(/** @type {Run} */ run) {
  const { seconds, redis } = run;
  const entries = run.entries.filter(({ tables }) => tables.includes('signin'));
  return inRounds('POST /signin', entries, run, async (entry) => {
    const options = { redisUrl: redis.url, hash: true, sessions: USERS };
    const { child, port, cookies } = await startContestant(entry, options);
    const visit = (/** @type {number} */ length) => runFlow({ ...VISITS, port, cookies, seconds: length });
    const signIn = (/** @type {number} */ length) => runFlow({ ...SIGN_INS, port, seconds: length });
    await Promise.all([visit(1), signIn(1)]);
    const quiet = await visit(seconds);
    const { result, cpuMillis } = await child.cpuDuring(async () => {
      // The sign-ins start before the visits and end after them.
      const signIns = signIn(seconds + 0.5);
      await sleep(250);
      const [visits, { perSecond, latencies }] = await Promise.all([visit(seconds), signIns]);
      return { visits, perSecond, count: latencies.length };
    });
    await child.stop();
    return {
      perSecond: result.perSecond,
      cpuMillis: cpuMillis / result.count,
      quiet: percentile(quiet.latencies, 0.99),
      busy: percentile(result.visits.latencies, 0.99),
    };
  });
}
