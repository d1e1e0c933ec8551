import { median } from './lib/stats.js';
import { markdown } from './tables.js';

/**
 * @typedef {object} Results
 * @property {import('./parts/welcome.js').WelcomeRows} welcomed
 * @property {import('./parts/one-process.js').Comparison[]} compared
 * @property {import('./parts/signin.js').SigninRows} signedIn
 * @property {import('./parts/growth.js').Size[]} grown
 */

/** The aims of the project, and what was measured. */
export function aimsTable(/** @type {Results} */ { welcomed, compared, signedIn, grown }) {
  const cpu = (name) => pick(compared, ({ variant }) => variant === name).cost.ratio;
  const laps = (id) => pick(welcomed, ({ entry }) => entry.id === id).laps;
  const over = (id, other) => {
    const others = laps(other);
    return median(laps(id).map(({ perSecond }, round) => perSecond / others[round].perSecond));
  };
  const million = pick(grown, ({ store, sessions }) => store === 'memory' && sessions === 1_000_000);
  const storm = pick(signedIn, ({ entry }) => entry.id === 'ours-memory').laps;
  const stormRatio = median(storm.map((lap) => lap.busy / lap.quiet));
  const delay = 'worst loop delay in ms, a million expiring, least of 3 runs';
  const idle = `; an idle process beside it: ${million.idleDelayMs.toFixed(2)}`;
  return markdown(
    ['aim', 'bound', 'found', ''],
    [
      atMost('CPU a request, memory, bare = 1', 1.05, cpu('ours-memory')),
      atMost('CPU a request, Redis with a warm near cache', 1.11, cpu('ours-redis')),
      atLeast('requests/s over a cookie and a map by hand', 1, over('ours-memory', 'fastify-cookie-map')),
      atLeast('requests/s over @fastify/session, memory', 3, over('ours-memory', 'fastify-session-memory')),
      atLeast('requests/s over @fastify/session, Redis', 4, over('ours-redis', 'fastify-session-redis')),
      atLeast('requests/s over the tutorial', 7, over('ours-memory', 'express-tutorial')),
      atMost('bytes a session in memory, of a million', 300, million.bytes),
      atMost(delay, 20, million.worstDelayMs, idle),
      atMost('p99 of /welcome in a storm of sign-ins, quiet = 1', 3, stormRatio),
    ],
  );
}

const atMost = (/** @type {string} */ aim, bound, found, noteIfMissed = '') =>
  row(aim, `at most ${bound}`, found, found / bound - 1, noteIfMissed);
const atLeast = (/** @type {string} */ aim, bound, found) =>
  row(aim, `at least ${bound}`, found, 1 - found / bound, '');

function row(aim, bound, /** @type {number} */ found, /** @type {number} */ missedBy, note) {
  const verdict = missedBy > 0 ? `missed by ${(missedBy * 100).toFixed(0)} %${note}` : 'reached';
  return [aim, bound, found.toFixed(found < 100 ? 2 : 0), verdict];
}

/** @template T @param {readonly T[]} items @param {(item: T) => boolean} matches @returns {T} */
function pick(items, matches) {
  const found = items.find(matches);
  if (found === undefined) {
    throw new Error('a result that an aim needs is missing');
  }
  return found;
}
