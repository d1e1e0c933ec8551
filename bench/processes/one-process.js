import bare from '../contestants/bare.js';
import { variants } from '../contestants/variants.js';
import { answerParent, listen } from '../lib/child.js';
import { LOAD_CORE, startProcess } from '../lib/children.js';
import { checkAccess, signInAll } from '../lib/client.js';
import { shuffled } from '../lib/stats.js';

/**
 * The one process: it serves the bare route, the same once more and a variant, and measures the CPU time of slices of
 * requests.
 *
 * @typedef {Job & { variant: string, blocks: number }} OneProcessJob
 * @typedef {{ bare: number, again: number, variant: number }} Block One slice each: microseconds of CPU time a request.
 */

const NAMES = /** @type {const} */ (['bare', 'again', 'variant']);
const SLICE = 2000;
/** Slices for each of the three, until the compiler has optimized them. */
const WARM_UP = 10;
const CONNECTIONS = 16;

answerParent(async (/** @type {OneProcessJob} */ job) => {
  const targets = await serve(job);
  const load = startProcess('slices.js', { core: LOAD_CORE });
  await load.ask({ targets, connections: CONNECTIONS });
  const blocks = [];
  for (let i = 0; i < WARM_UP + job.blocks; i++) {
    const block = { bare: 0, again: 0, variant: 0 };
    for (const target of shuffled(NAMES)) {
      block[target] = await microsOf(() => load.ask({ target, count: SLICE }));
    }
    blocks.push(block);
  }
  await load.stop();
  return blocks.slice(WARM_UP);
});

async function serve(/** @type {OneProcessJob} */ job) {
  /** @type {Record<string, Target>} */
  const targets = {};
  // The first to start may have an advantage: the order is random.
  for (const name of shuffled(NAMES)) {
    const { app, cookies } = await (name === 'variant' ? variants[job.variant](job) : bare());
    const port = await listen(app);
    targets[name] = { port, cookies: cookies ?? (await signInAll(port, job.sessions)) };
    await checkAccess(name === 'variant' ? job.variant : 'bare', targets[name]);
  }
  return targets;
}

/** The CPU time of all threads, in microseconds a request. */
async function microsOf(/** @type {() => Promise<unknown>} */ slice) {
  // A slice must not pay for the garbage of the one before.
  globalThis.gc?.({ type: 'minor' });
  const before = process.cpuUsage();
  await slice();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / SLICE;
}
