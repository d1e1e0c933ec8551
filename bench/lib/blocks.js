import { median, ratioOf, shuffled } from './stats.js';

/**
 * @typedef {Record<string, number>} Slice The figures of one server.
 * @typedef {Record<string, Slice | undefined>} Block A slice of each server, by its id.
 * @typedef {{ rounds: number, blocks: number, warmUp?: number }} Counts `warmUp`: blocks before those that count.
 */

/**
 * Measures servers side by side. Each round starts all of them as new processes. Only one works at a time, for a slice,
 * in random order. The blocks that count have numbers from 1.
 * @template {{ id: string }} Server
 * @param {string} title
 * @param {Counts} counts
 * @param {() => Promise<{ servers: Server[], children: import('./children.js').Child[] }>} start
 * @param {(server: Server, block: number) => Promise<Slice> | undefined} measure Undefined leaves a server out of a block.
 */
export async function inBlocks(title, { rounds, blocks, warmUp = 1 }, start, measure) {
  const groups = [];
  for (let round = 1; round <= rounds; round++) {
    console.error(`${title}: round ${round} of ${rounds}`);
    const { servers, children } = await start();
    const found = [];
    for (let number = 1 - warmUp; number <= blocks; number++) {
      /** @type {Block} */
      const block = {};
      for (const server of shuffled(servers)) {
        block[server.id] = await measure(server, number);
      }
      found.push(block);
    }
    await Promise.all(children.map((child) => child.stop()));
    groups.push(found.slice(warmUp));
  }
  return new Measured(groups);
}

/** What `inBlocks` found. */
export class Measured {
  #rounds;

  constructor(/** @type {Block[][]} */ rounds) {
    this.#rounds = rounds;
  }

  has(/** @type {string} */ id, /** @type {string} */ figure) {
    return this.#rounds.flat().some((block) => block[id]?.[figure] !== undefined);
  }

  median(/** @type {string} */ id, /** @type {string} */ figure) {
    return median(this.#rounds.flat().flatMap((block) => block[id]?.[figure] ?? []));
  }

  /** The ratio of a figure to that of another server in the same block. */
  ratio(/** @type {string} */ figure, /** @type {string} */ id, /** @type {string} */ base) {
    const ofBlock = (/** @type {Block} */ { [id]: slice, [base]: other }) =>
      slice && other ? slice[figure] / other[figure] : [];
    return ratioOf(this.#rounds.map((blocks) => blocks.flatMap(ofBlock)));
  }
}
