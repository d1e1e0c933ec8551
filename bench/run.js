import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { aimsTable } from './aims.js';
import { contestants } from './contestants/list.js';
import { startRedis } from './lib/redis.js';
import { forwardAuth } from './parts/forward-auth.js';
import { growth } from './parts/growth.js';
import { micro } from './parts/micro.js';
import { oneProcess } from './parts/one-process.js';
import { refresh } from './parts/refresh.js';
import { signin } from './parts/signin.js';
import { twoProcesses } from './parts/two-processes.js';
import { welcome } from './parts/welcome.js';
import * as tables from './tables.js';

const startedAt = new Date();
const { only, huge, ...counts } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    only: { type: 'string' },
    huge: { type: 'boolean', default: false },
  },
}).values;
const rounds = Number(counts.rounds);
const seconds = Number(counts.seconds);
if (!(rounds >= 1 && seconds >= 1)) {
  throw new RangeError('--rounds and --seconds take a number from 1');
}
const redis = await startRedis();

/** @type {string[]} */
const sections = [];
/** Prints each section at once: a later failure must not lose it. */
function add(/** @type {string} */ title, /** @type {string} */ table) {
  sections.push(`## ${title}\n\n${table}`);
  console.log(`\n## ${title}\n\n${table}\n`);
}

await (only === undefined ? runAll() : runSome(only.split(',')));
await redis.stop();

/** Compares some contestants with the bare route, and writes no file. */
async function runSome(/** @type {string[]} */ ids) {
  const known = contestants.map(({ id }) => id);
  if (ids.some((id) => !known.includes(id))) {
    throw new RangeError(`--only takes these ids: ${known.join(', ')}`);
  }
  const entries = contestants.filter(({ id }) => id === 'fastify-bare' || ids.includes(id));
  const run = { entries, rounds, seconds, huge, redis };
  add('GET /welcome', tables.welcomeTable(await welcome(run)));
  add('POST /refresh', tables.refreshTable(await refresh(run)));
  add('POST /signin', tables.signinTable(await signin(run)));
}

async function runAll() {
  const run = { entries: contestants, rounds, seconds, huge, redis };
  const welcomed = await welcome(run);
  add('GET /welcome', tables.welcomeTable(welcomed));
  const compared = await oneProcess({ redisUrl: redis.url, processes: rounds });
  add('The cost of an authenticated request, in one process', tables.oneProcessTable(compared));
  add('Its parts', tables.microTable(await micro(redis.url)));
  add('POST /refresh', tables.refreshTable(await refresh(run)));
  const signedIn = await signin(run);
  add('POST /signin, and its effect on other requests', tables.signinTable(signedIn));
  const grown = await growth(run);
  add('Growth', tables.growthTable(grown));
  add('Two processes on one store', tables.twoProcessesTable(await twoProcesses(run)));
  add('Forward authentication', tables.forwardAuthTable(await forwardAuth({ redisUrl: redis.url })));
  add('Versions', versions());
  const text = [
    '# Results',
    `Made by \`npm run bench -- --rounds ${rounds} --seconds ${seconds}${huge ? ' --huge' : ''}\`. [README.md](README.md) explains each figure.`,
    conditions(),
    `## The aims\n\n${aimsTable({ welcomed, compared, signedIn, grown })}`,
    'For where the time goes, see the tables of one process and of its parts below, and [README.md](README.md#where-the-time-goes).',
    ...sections,
  ].join('\n\n');
  writeFileSync(new URL('RESULTS.md', import.meta.url), `${text}\n`);
}

/** When and on which machine the run took place. */
function conditions() {
  const minutes = Math.round((Date.now() - startedAt.getTime()) / 60_000);
  const memory = Math.round(totalmem() / 2 ** 30);
  return [
    `- ${startedAt.toISOString().slice(0, 10)}, ${minutes} minutes, Node.js ${process.version}, ${process.platform} ${process.arch}`,
    `- ${availableParallelism()} cores (${cpus()[0]?.model.trim()}), ${memory} GiB; load average at the end ${loadavg()[1].toFixed(1)}`,
    '- load by wrk; server and load on a core each',
    "- The second bare route is the control. Ignore differences smaller than the control's.",
  ].join('\n');
}

/** The installed versions of Fastify, which the service brings, and of the contestants. */
function versions() {
  const read = (/** @type {string} */ path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
  const lines = Object.keys(read('package.json').dependencies).map(
    (name) => `- ${name} ${read(`node_modules/${name}/package.json`).version}`,
  );
  return [`- fastify ${read('../node_modules/fastify/package.json').version}`, ...lines].join('\n');
}
