import { statSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerParent, listen } from '../lib/child.js';
import { buildService, createSessions, DAY_MS } from '../lib/service.js';

/**
 * The service with many sessions or, for comparison, nothing but an event loop.
 * @typedef {{ storeUrl: string, sessions: number }} Place
 * @typedef {{ step: 'serve' } & Place | { step: 'expire', maxSeconds: number } | { step: 'watch' | 'worst' }} Step
 */

const delay = monitorEventLoopDelay({ resolution: 1 });
let clockAheadMs = 0;
/** @type {import('../dist.js').SessionStore} */
let store;
/** @type {string[]} */
let ids;

answerParent((/** @type {Step} */ message) => {
  switch (message.step) {
    case 'serve':
      return serve(message);
    case 'expire':
      return expire(message.maxSeconds);
    case 'watch':
      return delay.enable();
    case 'worst':
      return delay.max / 1e6;
  }
});

async function serve(/** @type {Place} */ { storeUrl, sessions }) {
  const app = await buildService({ STORE_URL: storeUrl }, { clock: () => Date.now() + clockAheadMs });
  store = app.sessionStore;
  const before = memory();
  const created = await createSessions(store, sessions);
  ids = created.ids;
  const bytes = (memory() - before) / sessions;
  const fileBytes = storeUrl.startsWith('lmdb:')
    ? statSync(`${storeUrl.slice('lmdb:'.length)}/data.mdb`).size / sessions
    : undefined;
  return { cookies: created.cookies, bytes, fileBytes, port: await listen(app) };
}

/** Moves the clock past the deadlines of all sessions, and waits until they are removed. */
async function expire(/** @type {number} */ maxSeconds) {
  delay.enable();
  const startedAt = performance.now();
  clockAheadMs = 2 * DAY_MS;
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
  const found = await Promise.all(ids.map((id) => store.find(id)));
  return found.filter((record) => record !== undefined).length / ids.length;
}

function memory() {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
