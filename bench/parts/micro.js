import { setTimeout as sleep } from 'node:timers/promises';
import { scratchDirectory } from '../lib/children.js';
import { median, percentile } from '../lib/stats.js';
import { openSteps, SESSIONS } from './micro-steps.js';

/** @typedef {Awaited<ReturnType<typeof measure>>} StepCost */
/** @typedef {import('./micro-steps.js').Step['call']} Call */

const LAPS = 3;
const LAP_MS = 200;
/** Calls in one measurement, so that the cost of the clock does not count. */
const BATCH = 200;

/** The cost of each step of a request by itself. */
export async function micro(/** @type {Run} */ { redis }) {
  console.error('parts of a request');
  const { steps, close } = await openSteps(redis.url, scratchDirectory());
  const results = [];
  for (const { name, call } of steps) {
    results.push(await measure(name, call));
  }
  await close();
  return results;
}

async function measure(/** @type {string} */ name, /** @type {Call} */ call) {
  checkAnswer(name, await call(0));
  // Fills the near cache, too.
  for (let i = 0; i < SESSIONS; i++) {
    await call(i);
  }
  const laps = [];
  for (let i = 0; i < LAPS; i++) {
    // Without a pause for the event loop, the near cache gets no word from its server and is not used.
    await sleep(300);
    laps.push(await lap(call));
  }
  const middle = median(laps.map(median));
  const spread = median(laps.map((times) => percentile(times, 0.75))) - Math.min(...laps.flat());
  return { name, nanos: (middle * 1e6) / BATCH, spread: spread / middle };
}

/** Returns milliseconds a batch. */
async function lap(/** @type {Call} */ call) {
  const times = [];
  const endsAt = performance.now() + LAP_MS;
  // A promise is part of the cost, but only for a step that returns one.
  const isAsync = call(0) instanceof Promise;
  for (let i = 0, now = performance.now(); now < endsAt; ) {
    const before = now;
    for (const end = i + BATCH; i < end; i++) {
      const answer = call(i);
      if (isAsync) {
        await answer;
      }
    }
    now = performance.now();
    times.push(now - before);
  }
  return times;
}

/** Throws when a step fails: it would look fast. */
function checkAnswer(/** @type {string} */ name, /** @type {any} */ answer) {
  const isStatus = typeof answer === 'number';
  if (!answer || answer.length === 0 || answer.reason !== undefined || (isStatus && answer !== 200)) {
    throw new Error(`${name} returns ${JSON.stringify(answer)}`);
  }
}
