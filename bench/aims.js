import { interval, markdown } from './tables.js';

/**
 * @typedef {object} Results
 * @property {import('./tables.js').Table} welcome
 * @property {import('./parts/one-process.js').Comparison[]} oneProcess
 * @property {import('./tables.js').Table} signin
 * @typedef {import('./parts/one-process.js').Comparison['cost']} Ratio
 */

/** The aims of the project, and what was measured. */
export function aimsTable(/** @type {Results} */ { welcome, oneProcess, signin }) {
  const user = (id, base = 'fastify-bare') => welcome.found.ratio('userMicros', id, base);
  const speed = (id, base) => welcome.found.ratio('perSecond', id, base);
  const cost = (name) => pick(oneProcess, ({ variant }) => variant === name).cost;
  return markdown(
    ['aim', 'bound', 'found (95 %)', ''],
    [
      atMost('user CPU a request over bare, memory', 1.6, user('ours-memory')),
      atMost('user CPU a request over bare, Redis, near cache', 1.7, user('ours-redis')),
      atMost('user CPU a request over bare, LMDB', 1.9, user('ours-lmdb')),
      atMost('user CPU a request, memory, over the server by hand', 1.1, user('ours-memory', 'by-hand-headers')),
      atMost('CPU a request over bare in one process, plugin', 1.15, cost('sessions-plugin')),
      atMost('CPU a request over bare in one process, service on memory', 1.28, cost('ours-memory')),
      atLeast('requests/s over @fastify/secure-session', 1.3, speed('ours-memory', 'fastify-secure-session')),
      atLeast('requests/s over @fastify/session, memory', 2.5, speed('ours-memory', 'fastify-session-memory')),
      atLeast('requests/s over @fastify/session, Redis', 2.5, speed('ours-redis', 'fastify-session-redis')),
      atLeast('requests/s over the tutorial', 5, speed('ours-memory', 'express-tutorial')),
      atLeast(
        'CPU of the hash alone over a sign-in, memory',
        0.95,
        signin.found.ratio('cpuMillis', 'hash', 'ours-memory'),
      ),
      atMost('p99 of /welcome in a storm of sign-ins, quiet = 1', 3, signin.found.median('ours-memory', 'times')),
    ],
  );
}

const atMost = (/** @type {string} */ aim, bound, found) =>
  row(aim, 'at most', bound, found, (value) => value / bound - 1);
const atLeast = (/** @type {string} */ aim, bound, found) =>
  row(aim, 'at least', bound, found, (value) => 1 - value / bound);

function row(aim, word, bound, /** @type {number | Ratio} */ found, missedBy) {
  const isNumber = typeof found === 'number';
  const missed = missedBy(isNumber ? found : found.ratio);
  const text = isNumber ? found.toFixed(found < 100 ? 2 : 0) : interval(found);
  return [aim, `${word} ${bound}`, text, missed > 0 ? `missed by ${(missed * 100).toFixed(0)} %` : 'reached'];
}

/** @template T @param {readonly T[]} items @param {(item: T) => boolean} matches @returns {T} */
function pick(items, matches) {
  const found = items.find(matches);
  if (found === undefined) {
    throw new Error('a result that an aim needs is missing');
  }
  return found;
}
