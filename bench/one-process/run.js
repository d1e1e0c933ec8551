import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { start } from '../lib/children.js';
import { SERVER_CORE } from '../lib/cores.js';
import { startRedis } from '../lib/redis.js';
import { scratchDirectory } from '../lib/scratch.js';
import { median, ratioOf } from '../lib/stats.js';
import { variants } from './variants.js';

const PROCESS = fileURLToPath(new URL('process.js', import.meta.url));

/**
 * @typedef {import('./process.js').Block} Block
 * @typedef {{ ratio: number, low: number, high: number }} Interval
 * @typedef {object} Finding
 * @property {string} variant
 * @property {Interval} cost CPU time a request over the bare route's.
 * @property {Interval} control The same for the bare route and its twin: how far the method can be trusted.
 * @property {number} bareMicros
 * @property {number} variantMicros
 */

/**
 * The one-process method: for each variant some fresh processes, which all compare it with the bare route slice by
 * slice.
 * @param {{ only?: string[], processes?: number, blocks?: number, slice?: number }} options
 * @param {(text: string) => void} tell
 * @returns {Promise<Finding[]>}
 */
export async function oneProcess({ only, processes = 5, blocks = 20, slice = 2000 }, tell) {
  const names = only ?? Object.keys(variants).filter((name) => name !== 'bare');
  const redis = await startRedis();
  const job = { blocks, slice, warmUp: 20_000, connections: 16 };
  const places = () => ({ sessions: 1000, redisUrl: redis.url, lmdbPath: scratchDirectory('lmdb') });
  /** @type {Record<string, Block[][]>} */
  const measured = Object.fromEntries(names.map((variant) => [variant, []]));
  // In turns: whatever the machine does meanwhile, it does to all.
  for (let round = 1; round <= processes; round++) {
    for (const variant of names) {
      tell(`${variant}, process ${round} of ${processes}`);
      measured[variant]?.push(await inFreshProcess({ ...job, variant, places: places() }));
    }
  }
  await redis.stop();
  return Object.entries(measured).map(([variant, groups]) => find(variant, groups));
}

/**
 * @param {import('./process.js').Job} job
 * @returns {Promise<Block[]>}
 */
async function inFreshProcess(job) {
  const child = start([process.execPath, '--expose-gc', PROCESS], { core: SERVER_CORE, ipc: true });
  const { blocks } = await child.ask(job);
  await child.stop();
  return blocks;
}

/**
 * @param {string} variant
 * @param {Block[][]} groups
 * @returns {Finding}
 */
function find(variant, groups) {
  const all = groups.flat();
  return {
    variant,
    cost: ratioOf(groups.map((blocks) => blocks.map((b) => b.variant / Math.sqrt(b.bare * b.again)))),
    control: ratioOf(groups.map((blocks) => blocks.map((b) => b.again / b.bare))),
    bareMicros: median(all.flatMap(({ bare, again }) => [bare, again])),
    variantMicros: median(all.map((block) => block.variant)),
  };
}

/** @param {Finding[]} findings */
export function oneProcessTable(findings) {
  const interval = (/** @type {Interval} */ { ratio, low, high }) =>
    `${ratio.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
  return [
    '| | CPU a request, bare = 1 (95 %) | control, bare again (95 %) | µs, bare | µs |',
    '| --- | --- | --- | ---: | ---: |',
    ...findings.map(
      ({ variant, cost, control, bareMicros, variantMicros }) =>
        `| ${variant} | ${interval(cost)} | ${interval(control)} | ${bareMicros.toFixed(1)} | ${variantMicros.toFixed(1)} |`,
    ),
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      processes: { type: 'string' },
      blocks: { type: 'string' },
      slice: { type: 'string' },
    },
  });
  const number = (/** @type {string | undefined} */ text) => (text === undefined ? undefined : Number(text));
  const options = {
    only: values.only?.split(','),
    processes: number(values.processes),
    blocks: number(values.blocks),
    slice: number(values.slice),
  };
  console.log(oneProcessTable(await oneProcess(options, (text) => console.error(text))));
}
