/**
 * @typedef {object} Table What a part that measures in blocks returns.
 * @property {readonly { id: string, title: string }[]} entries
 * @property {import('./lib/blocks.js').Measured} found
 */

export function markdown(/** @type {string[]} */ names, /** @type {string[][]} */ rows) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [line(names), line(names.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

const whole = (/** @type {number} */ value) => Math.round(value).toLocaleString('en');

/** A ratio and its 95 % interval. */
export const interval = (/** @type {ReturnType<typeof import('./lib/stats.js').ratioOf>} */ { ratio, low, high }) =>
  `${ratio.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;

/**
 * A line for each entry.
 * @param {Table} table
 * @param {string} first The name of the first column.
 * @param {[name: string, cell: (id: string) => string][]} columns
 */
function lines({ entries }, first, columns) {
  return markdown(
    [first, ...columns.map(([name]) => name)],
    entries.map(({ id, title }) => [title, ...columns.map(([, cell]) => cell(id))]),
  );
}

/** A column of medians. @returns {[string, (id: string) => string]} */
function middle(/** @type {Table} */ { found }, name, figure, digits = 0) {
  const text = (/** @type {number} */ value) => (digits === 0 ? whole(value) : value.toFixed(digits));
  return [name, (id) => (found.has(id, figure) ? text(found.median(id, figure)) : '')];
}

/** A column of ratios. @returns {[string, (id: string) => string]} */
function ratio(/** @type {Table} */ { found }, name, figure, base) {
  return [`${name} = 1 (95 %)`, (id) => (found.has(id, figure) ? interval(found.ratio(figure, id, base)) : '')];
}

export function welcomeTable(/** @type {Table} */ table) {
  return lines(table, 'contestant', [
    middle(table, 'requests/s', 'perSecond'),
    ratio(table, 'bare', 'perSecond', 'fastify-bare'),
    middle(table, 'user CPU µs a request', 'userMicros', 1),
    ratio(table, 'bare', 'userMicros', 'fastify-bare'),
    middle(table, 'p50 ms', 'p50', 2),
    middle(table, 'p99 ms', 'p99', 2),
    middle(table, 'RSS MiB', 'residentMiB'),
  ]);
}

export function oneProcessTable(/** @type {import('./parts/one-process.js').Comparison[]} */ comparisons) {
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

export function refreshTable(/** @type {Table} */ table) {
  return lines(table, 'contestant', [
    middle(table, 'rotations/s', 'perSecond'),
    middle(table, 'CPU µs a rotation', 'cpuMicros'),
    middle(table, 'p99 ms', 'p99', 2),
  ]);
}

export function signinTable(/** @type {Table} */ table) {
  return lines(table, 'contestant', [
    middle(table, 'sign-ins/s', 'perSecond', 1),
    middle(table, 'CPU ms a sign-in', 'cpuMillis', 1),
    ['the hash alone, of it (95 %)', (id) => interval(table.found.ratio('cpuMillis', 'hash', id))],
    middle(table, '/welcome p99 ms, quiet', 'quiet', 2),
    middle(table, 'p99 ms, meanwhile', 'busy', 2),
    middle(table, 'times', 'times', 1),
  ]);
}

export function growthTable(/** @type {import('./parts/growth.js').Size[]} */ sizes) {
  const costs = ['requests/s', 'bytes a session', 'in the file', 'start-up ms'];
  return markdown(
    ['store', 'sessions', ...costs, 'worst loop delay ms, all expiring', 'idle beside it', 'gone after s'],
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

export function twoProcessesTable(/** @type {Table} */ table) {
  return lines(table, 'store', [
    middle(table, 'one process, requests/s', 'one'),
    middle(table, 'two', 'two'),
    middle(table, 'speed-up', 'speedUp', 2),
  ]);
}

export function forwardAuthTable(/** @type {Table | undefined} */ table) {
  if (table === undefined) {
    return 'Left out: it needs nginx (Debian package `nginx`).';
  }
  return lines(table, 'nginx asks', [
    middle(table, 'requests/s', 'perSecond'),
    ratio(table, 'nginx alone', 'perSecond', 'nginx-bare'),
    middle(table, 'p99 ms', 'p99', 1),
    ratio(table, 'nginx alone', 'p99', 'nginx-bare'),
    middle(table, 'user CPU µs a question', 'userMicros', 1),
    ratio(table, 'bare route', 'userMicros', 'bare'),
  ]);
}

export function nodesTable(
  /** @type {Awaited<ReturnType<typeof import('./parts/nodes.js').nodes>>} */ { versions, found },
) {
  const bare = (/** @type {string} */ version) => `fastify-bare ${version}`;
  const ours = (/** @type {string} */ version) => `ours-memory ${version}`;
  const ratioText = (id, base) => interval(found.ratio('userMicros', id, base));
  return markdown(
    ['Node.js', 'user CPU µs, bare', 'first = 1 (95 %)', 'ours, memory', 'first = 1 (95 %)', 'ours, bare = 1 (95 %)'],
    versions.map((version) => [
      version,
      found.median(bare(version), 'userMicros').toFixed(1),
      ratioText(bare(version), bare(versions[0])),
      found.median(ours(version), 'userMicros').toFixed(1),
      ratioText(ours(version), ours(versions[0])),
      ratioText(ours(version), bare(version)),
    ]),
  );
}
