import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { contestants } from './contestants/list.js';
import { showProgress } from './lib/progress.js';
import { startRedis } from './lib/redis.js';
import { micro, microTable } from './micro/run.js';
import { oneProcess, oneProcessTable } from './one-process/run.js';
import { pairs } from './parts/pairs.js';
import { refresh } from './parts/refresh.js';
import { scale } from './parts/scale.js';
import { signin } from './parts/signin.js';
import { table } from './parts/table.js';
import { aimsTable } from './report/aims.js';
import { machine, versions } from './report/machine.js';
import { plot } from './report/plot.js';
import { pairsTable, refreshTable, scaleTable, signinTable, welcomeTable } from './report/tables.js';

const WHERE =
  'Where the time goes: the tables of one process and of its parts below, and ' +
  '[README.md](README.md#where-the-time-goes), step by step.';

const { rounds, seconds, only, huge } = options();
const entries = chosen(only);
const redis = await startRedis();
const common = { entries, rounds, seconds, redisUrl: redis.url };

if (only === undefined) {
  await everything();
} else {
  await some();
}
await redis.stop();
process.exit();

/** Prints, and leaves the results that stand as they are. */
async function some() {
  const progress = showProgress(rounds * (entries.length + count('refresh') + count('signIn')));
  const sections = [
    welcomeTable(await table(common, progress.tell)),
    refreshTable(await refresh(common, progress.tell)),
    signinTable(await signin(common, progress.tell)),
  ];
  progress.stop();
  console.log(sections.filter(Boolean).join('\n\n'));
}

/** Shows each section as soon as it is there, so that a later failure takes none of them along. */
async function everything() {
  const startedAt = new Date();
  const progress = showProgress(rounds * (entries.length + count('refresh') + count('signIn') + 10) + 40);
  /** @type {string[]} */
  const sections = [];
  const add = (/** @type {string} */ title, /** @type {string} */ content) => {
    sections.push(`## ${title}\n\n${content}`);
    progress.show(sections.at(-1) ?? '');
  };
  const welcome = await table(common, progress.tell);
  add(
    'GET /welcome',
    `![requests a second, as ratios to bare Fastify](welcome.svg)\n\n${welcomeTable(welcome)}`,
  );
  const compared = await oneProcess({ processes: rounds }, progress.tell);
  add('The cost of an authenticated request, in one process', oneProcessTable(compared));
  add('Its parts', microTable(await micro({}, progress.tell)));
  add('POST /refresh', refreshTable(await refresh(common, progress.tell)));
  const signedIn = await signin(common, progress.tell);
  add('POST /signin, and what it does to everybody else', signinTable(signedIn));
  const grown = await scale({ seconds, huge }, progress.tell);
  add('Growth', scaleTable(grown));
  add(
    'Two processes on one store',
    pairsTable(await pairs({ rounds, seconds, redisUrl: redis.url }, progress.tell)),
  );
  add('Versions', versions());
  progress.stop();

  const command = `npm run bench -- --rounds ${rounds} --seconds ${seconds}${huge ? ' --huge' : ''}`;
  const text = [
    '# Results',
    `Made by \`${command}\`; [README.md](README.md) says what each number means.`,
    machine(startedAt),
    `## The aims\n\n${aimsTable({ welcome, signedIn, grown, compared })}`,
    WHERE,
    ...sections,
  ].join('\n\n');
  writeFileSync(new URL('RESULTS.md', import.meta.url), `${text}\n`);
  writeFileSync(new URL('welcome.svg', import.meta.url), plot(welcome));
  console.log('written: bench/RESULTS.md, bench/welcome.svg');
}

/** @param {'refresh' | 'signIn'} what */
function count(what) {
  return entries.filter((entry) => entry[what]).length;
}

/** Says what is wrong with the command line, and ends. */
function options() {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string', default: '5' },
        seconds: { type: 'string', default: '5' },
        only: { type: 'string' },
        huge: { type: 'boolean', default: false },
      },
    });
    return {
      ...values,
      rounds: wholeNumber('rounds', values.rounds),
      seconds: wholeNumber('seconds', values.seconds),
      only: values.only?.split(',').map(known),
    };
  } catch (error) {
    console.error(/** @type {Error} */ (error).message);
    process.exit(2);
  }
}

/**
 * @param {string} name
 * @param {string} text
 */
function wholeNumber(name, text) {
  if (!/^[1-9]\d{0,3}$/.test(text)) {
    throw new RangeError(`--${name} takes a whole number from 1 to 9999, not "${text}"`);
  }
  return Number(text);
}

/** @param {string} id */
function known(id) {
  if (!contestants.some((entry) => entry.id === id)) {
    const ids = contestants.map((entry) => entry.id).join(', ');
    throw new RangeError(`--only: there is no contestant "${id}". There are ${ids}`);
  }
  return id;
}

/** The contestants of `--only`, and the bare route, which all are compared with. @param {string[] | undefined} ids */
function chosen(ids) {
  return contestants.filter(({ id }) => ids === undefined || ids.includes(id) || id === 'fastify-bare');
}
