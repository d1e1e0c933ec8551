import { statSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStores } from '../../dist/index.js';
import { obeyParent } from '../lib/children.js';
import { buildOurs, mintSession, seedSessions } from '../lib/ours.js';
import { nameOf } from '../lib/welcome.js';

/**
 * One number of sessions on one engine: live ones under load, or ones that all expire.
 * @typedef {{ kind: 'live' | 'sweep', storeUrl: string, sessions: number }} Job
 */
obeyParent();

process.once('message', async (/** @type {Job} */ job) => {
  process.send?.(await (job.kind === 'live' ? live(job) : sweep(job)));
});

/** @param {Job} job */
async function live({ storeUrl, sessions }) {
  const app = await buildOurs({ STORE_URL: storeUrl });
  await app.ready();
  const before = memory();
  const cookies = await seedSessions(app.sessionStore, sessions);
  const bytes = (memory() - before) / sessions;
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = /** @type {import('node:net').AddressInfo} */ (app.server.address());
  const fileBytes = storeUrl.startsWith('lmdb:')
    ? statSync(`${storeUrl.slice('lmdb:'.length)}/data.mdb`).size / sessions
    : undefined;
  return { port, cookies, bytes, fileBytes };
}

/** Over how long the deadlines are spread: a rush hour's worth of sign-ins. */
const SPREAD_MS = 30_000;
const SAMPLES = 200;

/**
 * All sessions expire within half a minute. From when they begin to until they are gone, how long was the event loop
 * held up at the worst?
 * @param {Job} job
 */
async function sweep({ storeUrl, sessions }) {
  const { sessions: store } = await openStores(storeUrl, { maxSessions: 16_000_000 });
  const seeding = 2000 + sessions * 0.05;
  const ids = [];
  const BATCH = 1000;
  for (let done = 0; done < sessions; done += BATCH) {
    const minted = Array.from({ length: Math.min(BATCH, sessions - done) }, (_, i) =>
      mintSession(nameOf(done + i), seeding + Math.random() * SPREAD_MS),
    );
    await Promise.all(minted.map(({ record }) => store.create(record)));
    ids.push(minted[0]?.record.id ?? '');
  }
  globalThis.gc?.();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const startedAt = performance.now();
  delay.enable();
  const watched = ids.slice(-SAMPLES);
  while (await anyLeft(store, watched)) {
    await sleep(100);
  }
  await sleep(1000);
  delay.disable();
  return { worstDelayMs: delay.max / 1e6, sweptSeconds: (performance.now() - startedAt) / 1000 };
}

/**
 * @param {import('../../dist/index.js').SessionStore} store
 * @param {string[]} ids
 */
async function anyLeft(store, ids) {
  for (const id of ids) {
    if ((await store.find(id)) !== undefined) {
      return true;
    }
  }
  return false;
}

function memory() {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
