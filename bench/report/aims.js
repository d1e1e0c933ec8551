import { median } from '../lib/stats.js';
import { markdown } from './markdown.js';

/**
 * @typedef {object} Findings
 * @property {import('../parts/table.js').Row[]} welcome
 * @property {Awaited<ReturnType<typeof import('../parts/signin.js').signin>>} signedIn
 * @property {import('../parts/scale.js').Size[]} grown
 * @property {Awaited<ReturnType<typeof import('../one-process/run.js').oneProcess>>} compared
 *
 * @typedef {{ aim: string, most?: number, least?: number, found: number }} Aim
 */

const MILLION = 1_000_000;

/** What this project means to be, and what it was found to be. @param {Findings} findings */
export function aimsTable(findings) {
  return markdown(
    ['aim', 'bound', 'found', ''],
    aims(findings).map(({ aim, most, least, found }) => [
      aim,
      most === undefined ? `at least ${least}` : `at most ${most}`,
      found.toFixed(found < 100 ? 2 : 0),
      verdict(found / (most ?? least ?? Number.NaN), most !== undefined),
    ]),
  );
}

/**
 * @param {Findings} findings
 * @returns {Aim[]}
 */
function aims({ welcome, signedIn, grown, compared }) {
  const cpu = (/** @type {string} */ name) => theOne(compared, ({ variant }) => variant === name).cost.ratio;
  const big = theOne(grown, ({ store, sessions }) => store === 'memory' && sessions === MILLION);
  const storm = theOne(signedIn, ({ entry }) => entry.id === 'ours-memory');
  const over = (/** @type {string} */ one, /** @type {string} */ other) => timesOf(welcome, one, other);
  return [
    { aim: 'CPU a request, memory, bare = 1', most: 1.05, found: cpu('ours-memory') },
    { aim: 'CPU a request, Redis with a warm near cache', most: 1.11, found: cpu('ours-redis') },
    {
      aim: 'requests/s over a cookie and a map by hand',
      least: 1,
      found: over('ours-memory', 'fastify-cookie-map'),
    },
    {
      aim: 'requests/s over @fastify/session, memory',
      least: 3,
      found: over('ours-memory', 'fastify-session-memory'),
    },
    {
      aim: 'requests/s over @fastify/session, Redis',
      least: 4,
      found: over('ours-redis', 'fastify-session-redis'),
    },
    { aim: 'requests/s over the tutorial', least: 7, found: over('ours-memory', 'express-tutorial') },
    { aim: 'bytes a session in memory, of a million', most: 300, found: big.bytes },
    { aim: 'worst loop delay in ms, a million expiring', most: 20, found: big.worstDelayMs },
    {
      aim: 'p99 of /welcome in a storm of sign-ins, quiet = 1',
      most: 3,
      found: median(storm.laps.map((lap) => lap.storm / lap.quiet)),
    },
  ];
}

/**
 * @param {number} ratio Found over bound.
 * @param {boolean} lessIsBetter
 */
function verdict(ratio, lessIsBetter) {
  const missed = lessIsBetter ? ratio > 1 : ratio < 1;
  return missed ? `missed by ${(Math.abs(ratio - 1) * 100).toFixed(0)} %` : 'reached';
}

/**
 * How many times the requests of another a contestant answers: the median over the rounds.
 * @param {import('../parts/table.js').Row[]} rows
 * @param {string} one
 * @param {string} other
 */
function timesOf(rows, one, other) {
  const lapsOf = (/** @type {string} */ id) => theOne(rows, ({ entry }) => entry.id === id).laps;
  const others = lapsOf(other);
  return median(
    lapsOf(one).map(({ perSecond }, round) => perSecond / (others[round]?.perSecond ?? Number.NaN)),
  );
}

/**
 * @template T
 * @param {readonly T[]} items
 * @param {(item: T) => boolean} isIt
 * @returns {T}
 */
function theOne(items, isIt) {
  const found = items.find(isIt);
  if (found === undefined) {
    throw new Error('an aim is about something that was not measured');
  }
  return found;
}
