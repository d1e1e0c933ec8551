import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { variants } from '../contestants/variants.js';
import { SERVER_CORE, scratchDirectory, startProcess } from '../lib/children.js';
import { startRedis } from '../lib/redis.js';
import { median, ratioOf } from '../lib/stats.js';
import { oneProcessTable } from '../tables.js';

/** @typedef {import('../processes/one-process.js').Block} Block */
/** @typedef {ReturnType<typeof summarize>} Comparison */

/**
 * Compares variants with the bare route, slice by slice in one process, and that in some processes each.
 * @param {{ redisUrl: string, processes?: number, blocks?: number, only?: string[] }} options
 */
export async function oneProcess({ redisUrl, processes = 5, blocks = 20, only = Object.keys(variants) }) {
  const measured = only.map((variant) => ({ variant, groups: /** @type {Block[][]} */ ([]) }));
  for (let round = 1; round <= processes; round++) {
    for (const { variant, groups } of measured) {
      console.error(`one process: ${variant}, process ${round} of ${processes}`);
      const child = startProcess('one-process.js', { core: SERVER_CORE });
      const job = { sessions: 1000, redisUrl, lmdbPath: scratchDirectory(), hash: false, settings: {} };
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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      processes: { type: 'string', default: '5' },
      blocks: { type: 'string', default: '20' },
    },
  });
  const redis = await startRedis();
  const counts = { processes: Number(values.processes), blocks: Number(values.blocks) };
  const only = values.only?.split(',');
  console.log(oneProcessTable(await oneProcess({ redisUrl: redis.url, only, ...counts })));
  await redis.stop();
}
