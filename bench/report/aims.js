import { median } from '../lib/stats.js';
import { markdown } from './markdown.js';

/**
 * @typedef {object} Findings
 * @property {import('../parts/table.js').Row[]} welcome
 * @property {Awaited<ReturnType<typeof import('../parts/signin.js').signin>>} signedIn
 * @property {import('../parts/scale.js').Size[]} grown
 * @property {Awaited<ReturnType<typeof import('../one-process/run.js').oneProcess>>} compared
 *
 * @typedef {{ aim: string, most?: number, least?: number, found: number, control?: number }} Aim `control`: what was
 *   found where nothing was done.
 */

const MILLION = 1_000_000;

/** What this project means to be, and what it was found to be. @param {Findings} findings */
export function aimsTable(findings) {
  return markdown(
    ['aim', 'bound', 'found', ''],
    aims(findings).map((aim) => [
      aim.aim,
      aim.most === undefined ? `at least ${aim.least}` : `at most ${aim.most}`,
      aim.found.toFixed(aim.found < 100 ? 2 : 0),
      verdict(aim),
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
    {
      aim: 'worst loop delay in ms, a million expiring, least of 3 runs',
      most: 20,
      found: big.worstDelayMs,
      control: big.idleDelayMs,
    },
    {
      aim: 'p99 of /welcome in a storm of sign-ins, quiet = 1',
      most: 3,
      found: median(storm.laps.map((lap) => lap.storm / lap.quiet)),
    },
  ];
}

/** @param {Aim} aim */
function verdict({ most, least, found, control }) {
  const ratio = found / (most ?? least ?? Number.NaN);
  const missed = most === undefined ? ratio < 1 : ratio > 1;
  if (!missed) {
    return 'reached';
  }
  // A machine that holds up who does nothing for as long tells nothing of who does something.
  const told = control === undefined ? '' : `; an idle process beside it: ${control.toFixed(2)}`;
  return `missed by ${(Math.abs(ratio - 1) * 100).toFixed(0)} %${told}`;
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
