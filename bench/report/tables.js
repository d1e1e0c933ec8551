import { median } from '../lib/stats.js';
import { markdown } from './markdown.js';

const BARE = 'fastify-bare';

/**
 * Each contestant's ratio to the bare route of its round, by rounds.
 * @param {import('../parts/table.js').Row[]} rows
 * @returns {{ row: import('../parts/table.js').Row, ratios: number[] }[]}
 */
export function ratiosOf(rows) {
  const bare = rows.find(({ entry }) => entry.id === BARE)?.laps ?? [];
  return rows.map((row) => ({
    row,
    ratios: row.laps.map(({ perSecond }, round) => perSecond / (bare[round]?.perSecond ?? Number.NaN)),
  }));
}

/** @param {import('../parts/table.js').Row[]} rows */
export function welcomeTable(rows) {
  return markdown(
    ['contestant', 'requests/s', 'ratio to bare', 'range', 'CPU µs a request', 'p50 ms', 'p99 ms', 'RSS MiB'],
    ratiosOf(rows).map(({ row: { entry, laps }, ratios }) => [
      `${entry.title} (\`${entry.id}\`)`,
      whole(median(laps.map((lap) => lap.perSecond))),
      median(ratios).toFixed(2),
      `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
      median(laps.map((lap) => lap.cpuMicros)).toFixed(1),
      median(laps.map((lap) => lap.p50)).toFixed(2),
      median(laps.map((lap) => lap.p99)).toFixed(2),
      whole(median(laps.map((lap) => lap.residentMiB))),
    ]),
  );
}

/** @param {Awaited<ReturnType<typeof import('../parts/refresh.js').refresh>>} rows */
export function refreshTable(rows) {
  return markdown(
    ['contestant', 'rotations/s', 'CPU µs a rotation', 'p99 ms'],
    rows.map(({ entry, laps }) => [
      entry.title,
      whole(median(laps.map((lap) => lap.perSecond))),
      whole(median(laps.map((lap) => lap.cpuMicros))),
      median(laps.map((lap) => lap.p99)).toFixed(2),
    ]),
  );
}

/** @param {Awaited<ReturnType<typeof import('../parts/signin.js').signin>>} rows */
export function signinTable(rows) {
  return markdown(
    ['contestant', 'sign-ins/s', 'CPU ms a sign-in', '/welcome p99 ms, quiet', 'p99 ms, meanwhile', 'times'],
    rows.map(({ entry, laps }) => [
      entry.title,
      median(laps.map((lap) => lap.perSecond)).toFixed(1),
      median(laps.map((lap) => lap.cpuMillis)).toFixed(1),
      median(laps.map((lap) => lap.quiet)).toFixed(2),
      median(laps.map((lap) => lap.storm)).toFixed(2),
      median(laps.map((lap) => lap.storm / lap.quiet)).toFixed(1),
    ]),
  );
}

/** @param {import('../parts/scale.js').Size[]} sizes */
export function scaleTable(sizes) {
  return markdown(
    [
      'store',
      'sessions',
      'requests/s',
      'bytes a session',
      'in the file',
      'start-up ms',
      'worst loop delay ms, all expiring (memory: least of 3)',
      'idle beside it',
      'gone after s',
    ],
    sizes.map((size) => [
      size.store,
      whole(size.sessions),
      whole(size.perSecond),
      whole(size.bytes),
      size.fileBytes === undefined ? '' : whole(size.fileBytes),
      whole(size.startMs),
      size.worstDelayMs.toFixed(1),
      size.idleDelayMs.toFixed(1),
      gone(size),
    ]),
  );
}

/** @param {import('../parts/scale.js').Size} size */
function gone({ seconds, left }) {
  return left === 0
    ? seconds.toFixed(1)
    : `${((1 - left) * 100).toFixed(0)} % of them after ${seconds.toFixed(0)}`;
}

/** @param {import('../parts/pairs.js').Pair[]} pairs */
export function pairsTable(pairs) {
  return markdown(
    ['store', 'one process, requests/s', 'two', 'speed-up'],
    pairs.map(({ entry, one, two }) => [
      entry.title,
      whole(median(one)),
      whole(median(two)),
      median(two.map((value, round) => value / (one[round] ?? Number.NaN))).toFixed(2),
    ]),
  );
}

/** @param {number} value */
function whole(value) {
  return Math.round(value).toLocaleString('en');
}
