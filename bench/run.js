import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { aimsTable } from './aims.js';
import { contestants } from './contestants/list.js';
import { variants } from './contestants/variants.js';
import { startRedis } from './lib/redis.js';
import { forwardAuth } from './parts/forward-auth.js';
import { growth } from './parts/growth.js';
import { micro } from './parts/micro.js';
import { nodes } from './parts/nodes.js';
import { oneProcess } from './parts/one-process.js';
import { refresh } from './parts/refresh.js';
import { signin } from './parts/signin.js';
import { twoProcesses } from './parts/two-processes.js';
import { welcome } from './parts/welcome.js';
import * as tables from './tables.js';

/** The sections of RESULTS.md in their order. @type {Record<string, [string, (run: Run) => Promise<any>, (found: any) => string]>} */
const PARTS = {
  welcome: ['GET /welcome', welcome, tables.welcomeTable],
  'one-process': ['The cost of an authenticated request, in one process', oneProcess, tables.oneProcessTable],
  micro: ['Its parts', micro, tables.microTable],
  refresh: ['POST /refresh', refresh, tables.refreshTable],
  signin: ['POST /signin, and its effect on other requests', signin, tables.signinTable],
  growth: ['Growth', growth, tables.growthTable],
  'two-processes': ['Two processes on one store', twoProcesses, tables.twoProcessesTable],
  'forward-auth': ['Forward authentication', forwardAuth, tables.forwardAuthTable],
  nodes: ['Versions of Node.js', nodes, tables.nodesTable],
};

const startedAt = Date.now();
const { values } = parseArgs({
  options: {
    parts: { type: 'string' },
    only: { type: 'string' },
    rounds: { type: 'string' },
    blocks: { type: 'string' },
    nodes: { type: 'string', default: '' },
    huge: { type: 'boolean', default: false },
  },
});
const only = names('only', [...contestants.map(({ id }) => id), ...Object.keys(variants)]);
const parts = names('parts', Object.keys(PARTS)) ?? Object.keys(PARTS);
const redis = await startRedis();
/** @type {Run} */
const run = {
  entries: contestants.filter(({ id }) => id === 'fastify-bare' || (only?.includes(id) ?? true)),
  only,
  rounds: count('rounds'),
  blocks: count('blocks'),
  huge: values.huge,
  nodes: nodePrograms(),
  redis,
};

/** @type {Record<string, any>} */
const results = {};
const sections = [];
for (const part of parts.filter((name) => name !== 'nodes' || run.nodes.length > 0)) {
  const [title, measure, table] = PARTS[part];
  results[part] = await measure(run);
  sections.push(`## ${title}\n\n${table(results[part])}`);
  // At once: a later failure must not lose it.
  console.log(`\n${sections.at(-1)}\n\n${minutes()} minutes since the start\n`);
}
await redis.stop();
if (values.parts === undefined && only === undefined) {
  writeFileSync(new URL('RESULTS.md', import.meta.url), `${report()}\n`);
}

/** The names that an option lists, if it is there. */
function names(/** @type {'parts' | 'only'} */ option, /** @type {string[]} */ known) {
  const listed = values[option]?.split(',');
  if (listed?.some((name) => !known.includes(name))) {
    throw new RangeError(`--${option} takes some of these names: ${known.join(',')}`);
  }
  return listed;
}

function count(/** @type {'rounds' | 'blocks'} */ option) {
  const value = values[option];
  if (value !== undefined && !/^[1-9]\d?$/.test(value)) {
    throw new RangeError(`--${option} takes a number from 1 to 99`);
  }
  return value === undefined ? undefined : Number(value);
}

function nodePrograms() {
  const paths = values.nodes.split(',').filter((path) => path !== '');
  return paths.map((node) => ({ node, version: execFileSync(node, ['-v'], { encoding: 'utf8' }).trim() }));
}

function minutes() {
  return ((Date.now() - startedAt) / 60_000).toFixed(1);
}

function report() {
  const { welcome, signin } = results;
  const memory = Math.round(totalmem() / 2 ** 30);
  return [
    '# Results',
    `Made by \`npm run bench\`${usedOptions()}. [README.md](README.md) explains each figure.`,
    [
      `- ${new Date(startedAt).toISOString().slice(0, 10)}, ${minutes()} minutes, Node.js ${process.version}, ${process.platform} ${process.arch}`,
      `- ${availableParallelism()} cores (${cpus()[0]?.model.trim()}), ${memory} GiB; load average at the end ${loadavg()[1].toFixed(1)}`,
      '- load by wrk; server and load on a core each',
      "- The second bare route is the control. Ignore differences smaller than the control's.",
    ].join('\n'),
    `## The aims\n\n${aimsTable({ welcome, signin, oneProcess: results['one-process'] })}`,
    'For where the time goes, see the tables of one process and of its parts below, and [README.md](README.md#where-the-time-goes).',
    ...sections,
    `## Versions\n\n${versions()}`,
  ].join('\n\n');
}

/** The options that change a figure. Paths stay out of the file. */
function usedOptions() {
  const used = ['rounds', 'blocks'].flatMap((option) => (values[option] ? `\`--${option} ${values[option]}\`` : []));
  const all = [...used, ...(values.huge ? ['`--huge`'] : []), ...(run.nodes.length > 0 ? ['`--nodes`'] : [])];
  return all.length === 0 ? '' : ` with ${all.join(', ')}`;
}

/** The installed versions of Fastify, which the service brings, and of the contestants. */
function versions() {
  const read = (/** @type {string} */ path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
  const lines = Object.keys(read('package.json').dependencies).map(
    (name) => `- ${name} ${read(`node_modules/${name}/package.json`).version}`,
  );
  return [`- fastify ${read('../node_modules/fastify/package.json').version}`, ...lines].join('\n');
}
