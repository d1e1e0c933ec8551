import { median } from './lib/stats.js';

/** @typedef {import('./parts/one-process.js').Comparison} Comparison */

export function markdown(/** @type {string[]} */ names, /** @type {string[][]} */ rows) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [line(names), line(names.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

const whole = (/** @type {number} */ value) => Math.round(value).toLocaleString('en');

/**
 * A line for each contestant. A column is a name, a figure, and its number of digits: the median over the rounds counts.
 * @template Lap
 * @param {{ entry: Contestant, laps: Lap[] }[]} rows
 * @param {[name: string, figure: (lap: Lap) => number, digits: number][]} columns
 * @param {string} first The name of the first column.
 */
function medians(rows, columns, first = 'contestant') {
  const names = columns.map(([name]) => name);
  return markdown(
    [first, ...names],
    rows.map(({ entry, laps }) => [entry.title, ...columns.map((column) => cell(laps, column))]),
  );
}

function cell(laps, [, figure, digits]) {
  const value = median(laps.map(figure));
  return digits === 0 ? whole(value) : value.toFixed(digits);
}

export function welcomeTable(/** @type {import('./parts/welcome.js').WelcomeRows} */ rows) {
  // A ratio is taken within a round. The bare route is the first contestant.
  const bare = rows[0].laps;
  const names = ['requests/s', 'ratio to bare', 'range', 'CPU µs a request', 'p50 ms', 'p99 ms', 'RSS MiB'];
  return markdown(
    ['contestant', ...names],
    rows.map(({ entry, laps }) => {
      const ratios = laps.map(({ perSecond }, round) => perSecond / bare[round].perSecond);
      return [
        `${entry.title} (\`${entry.id}\`)`,
        cell(laps, ['', (lap) => lap.perSecond, 0]),
        median(ratios).toFixed(2),
        `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
        cell(laps, ['', (lap) => lap.cpuMicros, 1]),
        cell(laps, ['', (lap) => lap.p50, 2]),
        cell(laps, ['', (lap) => lap.p99, 2]),
        cell(laps, ['', (lap) => lap.residentMiB, 0]),
      ];
    }),
  );
}

/** A ratio and its 95 % interval. */
const interval = (/** @type {Comparison['cost']} */ { ratio, low, high }, digits = 3) =>
  `${ratio.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;

export function oneProcessTable(/** @type {Comparison[]} */ comparisons) {
  return markdown(
    ['', 'CPU a request, bare = 1 (95 %)', 'control, bare again (95 %)', 'µs, bare', 'µs'],
    comparisons.map(({ variant, cost, control, bareMicros, variantMicros }) => [
      variant,
      interval(cost),
      interval(control),
      bareMicros.toFixed(1),
      variantMicros.toFixed(1),
    ]),
  );
}

export function microTable(/** @type {import('./parts/micro.js').StepCost[]} */ costs) {
  return markdown(
    ['part', 'ns a call', 'spread'],
    costs.map(({ name, nanos, spread }) => [name, nanos.toFixed(0), `${(spread * 100).toFixed(0)} %`]),
  );
}

export function refreshTable(/** @type {import('./parts/refresh.js').RefreshRows} */ rows) {
  return medians(rows, [
    ['rotations/s', (lap) => lap.perSecond, 0],
    ['CPU µs a rotation', (lap) => lap.cpuMicros, 0],
    ['p99 ms', (lap) => lap.p99, 2],
  ]);
}

export function signinTable(/** @type {import('./parts/signin.js').SigninRows} */ rows) {
  return medians(rows, [
    ['sign-ins/s', (lap) => lap.perSecond, 1],
    ['CPU ms a sign-in', (lap) => lap.cpuMillis, 1],
    ['/welcome p99 ms, quiet', (lap) => lap.quiet, 2],
    ['p99 ms, meanwhile', (lap) => lap.busy, 2],
    ['times', (lap) => lap.busy / lap.quiet, 1],
  ]);
}

export function growthTable(/** @type {import('./parts/growth.js').Size[]} */ sizes) {
  const delay = 'worst loop delay ms, all expiring (memory: least of 3)';
  const costs = ['requests/s', 'bytes a session', 'in the file', 'start-up ms'];
  return markdown(
    ['store', 'sessions', ...costs, delay, 'idle beside it', 'gone after s'],
    sizes.map(({ store, sessions, perSecond, bytes, fileBytes, startMs, ...expired }) => [
      store,
      ...[sessions, perSecond, bytes].map(whole),
      fileBytes === undefined ? '' : whole(fileBytes),
      whole(startMs),
      expired.worstDelayMs.toFixed(1),
      expired.idleDelayMs.toFixed(1),
      expired.left === 0
        ? expired.seconds.toFixed(1)
        : `${((1 - expired.left) * 100).toFixed(0)} % of them after ${expired.seconds.toFixed(0)}`,
    ]),
  );
}

export function twoProcessesTable(/** @type {import('./parts/two-processes.js').TwoProcessesRows} */ rows) {
  /** @type {Parameters<typeof medians<{ one: number, two: number }>>[1]} */
  const columns = [
    ['one process, requests/s', (lap) => lap.one, 0],
    ['two', (lap) => lap.two, 0],
    ['speed-up', (lap) => lap.two / lap.one, 2],
  ];
  return medians(rows, columns, 'store');
}

export function forwardAuthTable(/** @type {import('./parts/forward-auth.js').Protection[] | undefined} */ rows) {
  if (rows === undefined) {
    return 'Left out: it needs nginx (Debian package `nginx`).';
  }
  const ratios = ['requests/s', 'nginx alone = 1 (95 %)', 'p99 ms', 'nginx alone = 1 (95 %)'];
  return markdown(
    ['nginx asks', ...ratios, 'µs of user CPU a question', 'bare route = 1 (95 %)'],
    rows.map(({ title, perSecond, speed, p99, delay, userMicros, cpu }) => [
      title,
      whole(perSecond),
      interval(speed, 2),
      p99.toFixed(1),
      interval(delay, 2),
      ...(cpu === undefined ? ['', ''] : [userMicros.toFixed(1), interval(cpu, 2)]),
    ]),
  );
}
