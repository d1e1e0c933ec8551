import { setTimeout as sleep } from 'node:timers/promises';
import { inBlocks } from '../lib/blocks.js';
import { startProcess } from '../lib/children.js';
import { startContestants } from '../lib/contestant-process.js';
import { runFlow } from '../lib/load.js';
import { percentile } from '../lib/stats.js';

/** @typedef {import('../lib/contestant-process.js').Server} Server */

const USERS = 100;
/** A sign-in runs seldom, so the compiler needs long. */
const WARM_UP_BLOCKS = 2;
const SECONDS = 1;
const SIGN_INS = { kind: /** @type {const} */ ('signin'), connections: 16, users: USERS };
/** A pace that every contestant keeps easily: the visitors wait only for the sign-ins. */
const VISITS = { kind: /** @type {const} */ ('visits'), connections: 16, perSecond: 200, seconds: SECONDS };

/**
 * POST /signin with right passwords and a real hash, beside the hash alone, and what it does to the visitors of /welcome.
 * No process but Redis is bound to a core: hashing runs in threads of its own.
 */
export async function signin(/** @type {Run} */ { entries: all, redis, rounds = 1, blocks = 5 }) {
  const entries = all.filter(({ tags }) => tags.includes('signin'));
  const found = await inBlocks(
    'POST /signin',
    { rounds, blocks, warmUp: WARM_UP_BLOCKS },
    async () => {
      const { servers, children } = await startContestants(entries, { redis, hash: true, sessions: USERS });
      const child = startProcess('hash.js');
      return { servers: [...servers, { id: 'hash', child }], children: [...children, child] };
    },
    (server) => ('port' in server ? slice(server) : hashes(server.child)),
  );
  return { entries: [{ id: 'hash', title: 'the hash alone' }, ...entries], found };
}

async function hashes(/** @type {Server['child']} */ child) {
  const { result, cpuMillis } = await child.cpuDuring(() => child.ask({ seconds: SECONDS }));
  return { perSecond: result.perSecond, cpuMillis: cpuMillis / result.count };
}

async function slice(/** @type {Server} */ { child, port, cookies }) {
  const signIn = (/** @type {number} */ seconds) => runFlow({ ...SIGN_INS, port, seconds });
  const visit = async () => percentile((await runFlow({ ...VISITS, port, cookies })).latencies, 0.99);
  const { result, cpuMillis } = await child.cpuDuring(() => signIn(SECONDS));
  const quiet = await visit();
  // The sign-ins start before the visits and end after them.
  const signIns = signIn(SECONDS + 0.5);
  await sleep(250);
  const busy = await visit();
  await signIns;
  const { perSecond, latencies } = result;
  return { perSecond, cpuMillis: cpuMillis / latencies.length, quiet, busy, times: busy / quiet };
}
