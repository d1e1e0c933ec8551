import { inBlocks } from '../lib/blocks.js';
import { LOAD_CORE, SERVER_CORE } from '../lib/children.js';
import { startContestants } from '../lib/contestant-process.js';
import { loadSlice, WARM_UP_SLICES } from '../lib/load.js';

/** GET /welcome under full load. */
export async function welcome(/** @type {Run} */ { entries, redis, rounds = 3, blocks = 5 }) {
  const often = entries.filter(({ tags }) => tags.includes('often')).map(({ id }) => id);
  // The CPU time in user mode is exact only over many slices. The others take part in every third block.
  const isDue = (id, block) => block < 1 || block % 3 === 1 || often.includes(id);
  const found = await inBlocks(
    'GET /welcome',
    { rounds, blocks, warmUp: WARM_UP_SLICES },
    () => startContestants(entries, { redis, core: SERVER_CORE }),
    (server, block) => (isDue(server.id, block) ? loadSlice(server, LOAD_CORE) : undefined),
  );
  return { entries, found };
}
