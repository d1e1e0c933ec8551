import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Bench } from 'tinybench';
import { startRedis } from '../lib/redis.js';
import { scratchDirectory } from '../lib/scratch.js';
import { median } from '../lib/stats.js';
import { openParts, SESSIONS } from './parts.js';

/** Calls in one measurement: the clock's own cost and grain are spread over them. */
const BATCH = 200;
const LAPS = 5;

/**
 * What each part of the request path costs by itself.
 * @param {{ seconds?: number }} options For each part.
 * @param {(text: string) => void} tell
 * @returns {Promise<{ name: string, nanos: number, noise: number }[]>} The median, and the spread of its quarters.
 */
export async function micro({ seconds = 1 }, tell) {
  const redis = await startRedis();
  const { parts, close } = await openParts({ redisUrl: redis.url, lmdbPath: scratchDirectory('lmdb') });
  const results = [];
  for (const { name, call } of parts) {
    tell(name);
    await assertAnswers(name, call);
    results.push(await measure(name, call, seconds));
  }
  await close();
  await redis.stop();
  return results;
}

/**
 * In some short laps: between two the event loop has its turn, without which a near cache would not hear from its server
 * and rightly trust itself no longer.
 * @param {string} name
 * @param {(i: number) => unknown} call
 * @param {number} seconds
 */
async function measure(name, call, seconds) {
  for (let i = 0; i < SESSIONS; i++) {
    await call(i);
  }
  const laps = [];
  for (let lap = 0; lap < LAPS; lap++) {
    await sleep(300);
    laps.push(await measureLap(name, call, seconds / LAPS));
  }
  const nanos = (/** @type {number} */ milliseconds) => (milliseconds * 1e6) / BATCH;
  const middle = median(laps.map(({ p50 }) => p50));
  const spread = median(laps.map(({ p75 }) => p75)) - Math.min(...laps.map(({ min }) => min));
  return { name, nanos: nanos(middle), noise: spread / middle };
}

/**
 * @param {string} name
 * @param {(i: number) => unknown} call
 * @param {number} seconds
 * @returns {Promise<{ p50: number, p75: number, min: number }>} Milliseconds a batch.
 */
async function measureLap(name, call, seconds) {
  const bench = new Bench({ time: seconds * 1000, warmupTime: 50, throws: true });
  let i = 0;
  // What answers at once is not awaited here either: a promise is part of the cost only where there is one.
  bench.add(name, isThenable(call(0)) ? async () => run(call) : () => runAtOnce(call));
  await bench.run();
  return /** @type {any} */ (bench.tasks[0]).result.latency;

  async function run(/** @type {(i: number) => unknown} */ each) {
    for (let n = 0; n < BATCH; n++) {
      await each(i++);
    }
  }

  function runAtOnce(/** @type {(i: number) => unknown} */ each) {
    let kept;
    for (let n = 0; n < BATCH; n++) {
      kept = each(i++);
    }
    return void kept;
  }
}

/**
 * A part that fails fast would look like one that is fast.
 * @param {string} name
 * @param {(i: number) => unknown} call
 */
async function assertAnswers(name, call) {
  const answer = /** @type {any} */ (await call(0));
  const good = Array.isArray(answer) ? answer.length === 1 : answer !== undefined && answer !== false;
  if (!good || answer.reason !== undefined || (typeof answer === 'number' && answer !== 200)) {
    throw new Error(`${name} answers ${JSON.stringify(answer)}`);
  }
}

/** @param {unknown} value */
function isThenable(value) {
  return typeof (/** @type {any} */ (value)?.then) === 'function';
}

/** @param {Awaited<ReturnType<typeof micro>>} results */
export function microTable(results) {
  return [
    '| part | ns a call | spread |',
    '| --- | ---: | ---: |',
    ...results.map(
      ({ name, nanos, noise }) => `| ${name} | ${nanos.toFixed(0)} | ${(noise * 100).toFixed(0)} % |`,
    ),
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: '1' } } });
  console.log(microTable(await micro({ seconds: Number(values.seconds) }, (text) => console.error(text))));
  // The service's own log goes where ours does; its open handles are closed by now.
  process.exit();
}
