import { contestants } from '../contestants/list.js';
import { inBlocks } from '../lib/blocks.js';
import { LOAD_CORE, SERVER_CORE } from '../lib/children.js';
import { startContestants } from '../lib/contestant-process.js';
import { loadSlice, WARM_UP_SLICES } from '../lib/load.js';

const COMPARED = contestants.filter(({ id }) => id === 'fastify-bare' || id === 'ours-memory');

/** GET /welcome of the bare route and of the service with other versions of Node.js. */
export async function nodes(/** @type {Run} */ { nodes: programs, redis, rounds = 2, blocks = 8 }) {
  const entries = programs.flatMap(({ node, version }) =>
    COMPARED.map((entry) => ({ ...entry, node, id: `${entry.id} ${version}` })),
  );
  const found = await inBlocks(
    'versions of Node.js',
    { rounds, blocks, warmUp: WARM_UP_SLICES },
    () => startContestants(entries, { redis, core: SERVER_CORE }),
    (server) => loadSlice(server, LOAD_CORE),
  );
  return { versions: programs.map(({ version }) => version), found };
}
