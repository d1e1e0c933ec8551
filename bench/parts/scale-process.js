import { statSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStores } from '../../dist/index.js';
import { obeyParent } from '../lib/children.js';
import { buildOurs, DAY_MS, seed } from '../lib/ours.js';

/**
 * One number of sessions on one engine, step by step, or nothing but an event loop to compare with.
 * @typedef {{ storeUrl: string, sessions: number }} Place
 * @typedef {{ do: 'serve' } & Place
 *   | { do: 'open', milestones?: string[] } & Place
 *   | { do: 'expire', maxSeconds: number }
 *   | { do: 'watch' | 'tell' }} Step
 */
obeyParent();

/** How far ahead the clock of the store is. */
let aheadMs = 0;
const delay = monitorEventLoopDelay({ resolution: 1 });
/** @type {{ store: import('../../dist/index.js').SessionStore, milestones: string[] }} */
let opened;

process.on('message', async (/** @type {Step} */ step) => {
  process.send?.(await answer(step));
});

/** @param {Step} step */
async function answer(step) {
  switch (step.do) {
    case 'serve':
      return serve(step);
    case 'open':
      opened = await open(step);
      globalThis.gc?.();
      await sleep(1000);
      return {};
    case 'expire':
      return expire(step.maxSeconds);
    case 'watch':
      delay.enable();
      return {};
    case 'tell':
      return { worstDelayMs: delay.max / 1e6 };
  }
}

/** @param {Place} place */
async function serve({ storeUrl, sessions }) {
  const app = await buildOurs({ STORE_URL: storeUrl });
  await app.ready();
  const before = memory();
  const { cookies, milestones } = await seed(app.sessionStore, sessions);
  const bytes = (memory() - before) / sessions;
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = /** @type {import('node:net').AddressInfo} */ (app.server.address());
  const fileBytes = storeUrl.startsWith('lmdb:')
    ? statSync(`${storeUrl.slice('lmdb:'.length)}/data.mdb`).size / sessions
    : undefined;
  return { port, cookies, milestones, bytes, fileBytes };
}

/**
 * Opens a store, and seeds it where nobody has done so.
 * @param {Place & { milestones?: string[] }} place
 */
async function open({ storeUrl, sessions, milestones }) {
  const options = { maxSessions: 16_000_000, clock: () => Date.now() + aheadMs };
  const { sessions: store } = await openStores(storeUrl, options);
  return { store, milestones: milestones ?? (await seed(store, sessions)).milestones };
}

/**
 * All sessions expire at once. Until they are gone, or for so many seconds, how long is the event loop held up at the
 * worst?
 * @param {number} maxSeconds
 */
async function expire(maxSeconds) {
  delay.enable();
  const startedAt = performance.now();
  aheadMs = 2 * DAY_MS;
  let left = 1;
  let seconds = 0;
  while (left > 0 && seconds < maxSeconds) {
    await sleep(50);
    seconds = (performance.now() - startedAt) / 1000;
    left = await shareLeft();
  }
  delay.disable();
  return { worstDelayMs: delay.max / 1e6, seconds, left };
}

async function shareLeft() {
  let found = 0;
  for (const id of opened.milestones) {
    found += Number((await opened.store.find(id)) !== undefined);
  }
  return found / opened.milestones.length;
}

function memory() {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
