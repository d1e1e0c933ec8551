import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LOAD_CORE, SERVER_CORE, scratchDirectory, start, startProcess } from '../lib/children.js';
import { load } from '../lib/load.js';

/** @typedef {Awaited<ReturnType<typeof measure>>} Size */

const SERVER = fileURLToPath(new URL('../../dist/server.js', import.meta.url));
const SIZES = [10_000, 1_000_000];
const HUGE = 10_000_000;
/** How long the removal of expired sessions is watched. */
const MAX_SECONDS = 10;

/** The cost of a number of sessions. */
export async function growth(/** @type {Run} */ { huge }) {
  const found = [];
  for (const store of ['memory', 'lmdb']) {
    for (const sessions of huge && store === 'lmdb' ? [...SIZES, HUGE] : SIZES) {
      console.error(`growth: ${sessions.toLocaleString('en')} sessions, ${store}`);
      found.push(await measure(store, sessions));
    }
  }
  return found;
}

async function measure(/** @type {string} */ store, /** @type {number} */ sessions) {
  const directory = scratchDirectory();
  const storeUrl = store === 'memory' ? 'memory:' : `lmdb:${directory}`;
  const child = startProcess('growth.js', { core: SERVER_CORE });
  const { bytes, fileBytes, ...target } = await child.ask({ step: 'serve', storeUrl, sessions });
  await load(target, 1, LOAD_CORE);
  const { perSecond } = await Promise.race([load(target, 2, LOAD_CORE), child.died()]);
  const startMs = await startUp(storeUrl);
  const expired = await expire(child);
  rmSync(directory, { recursive: true });
  return { store, sessions, perSecond, bytes: Number(bytes), fileBytes, startMs, ...expired };
}

/** Lets all sessions expire, beside a process that does nothing. */
async function expire(/** @type {import('../lib/children.js').Child} */ child) {
  const idle = startProcess('growth.js', { core: LOAD_CORE });
  await sleep(1000);
  await idle.ask({ step: 'watch' });
  /** @type {{ worstDelayMs: number, seconds: number, left: number }} */
  const result = await child.ask({ step: 'expire', maxSeconds: MAX_SECONDS });
  const idleDelayMs = /** @type {number} */ (await idle.ask({ step: 'worst' }));
  await Promise.all([child.stop(), idle.stop()]);
  return { ...result, idleDelayMs };
}

/** Milliseconds from the start of the service to its first reply. */
async function startUp(/** @type {string} */ storeUrl) {
  const startedAt = performance.now();
  const env = { STORE_URL: storeUrl, PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: 'info' };
  const server = start([process.execPath, SERVER], { stdout: 'pipe', env, cwd: scratchDirectory() });
  const [url] = await server.printed(/http:\/\/127\.0\.0\.1:\d+/);
  await (await fetch(`${url}/readyz`)).text();
  const startMs = performance.now() - startedAt;
  await server.stop();
  return startMs;
}
