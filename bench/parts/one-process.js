import { variants } from '../contestants/variants.js';
import { SERVER_CORE, scratchDirectory, startProcess } from '../lib/children.js';
import { median, ratioOf } from '../lib/stats.js';

/** @typedef {import('../processes/one-process.js').Block} Block */
/** @typedef {ReturnType<typeof summarize>} Comparison */

/** Compares variants with the bare route, slice by slice in one process. Each round takes a new process. */
export async function oneProcess(/** @type {Run} */ { redis, only, rounds = 3, blocks = 8 }) {
  const names = Object.keys(variants).filter((name) => only === undefined || only.includes(name));
  const measured = names.map((variant) => ({ variant, groups: /** @type {Block[][]} */ ([]) }));
  for (let round = 1; round <= rounds; round++) {
    console.error(`one process: round ${round} of ${rounds}`);
    for (const { variant, groups } of measured) {
      const child = startProcess('one-process.js', { core: SERVER_CORE });
      const job = { sessions: 1000, redisUrl: redis.url, lmdbPath: scratchDirectory(), hash: false, settings: {} };
      groups.push(await child.ask({ ...job, variant, blocks }));
      await child.stop();
    }
  }
  return measured.map(summarize);
}

function summarize(/** @type {{ variant: string, groups: Block[][] }} */ { variant, groups }) {
  const all = groups.flat();
  return {
    variant,
    cost: ratioOf(groups.map((blocks) => blocks.map((b) => b.variant / Math.sqrt(b.bare * b.again)))),
    control: ratioOf(groups.map((blocks) => blocks.map((b) => b.again / b.bare))),
    bareMicros: median(all.flatMap(({ bare, again }) => [bare, again])),
    variantMicros: median(all.map((block) => block.variant)),
  };
}
