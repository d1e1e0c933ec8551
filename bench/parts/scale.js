import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { start } from '../lib/children.js';
import { LOAD_CORE, SERVER_CORE } from '../lib/cores.js';
import { scratchDirectory } from '../lib/scratch.js';
import { load } from '../load/load.js';

/**
 * @typedef {object} Size What one number of sessions costs one engine.
 * @property {'memory' | 'lmdb'} store
 * @property {number} sessions
 * @property {number} perSecond
 * @property {number} bytes A session, in the process's memory.
 * @property {number | undefined} fileBytes A session, in LMDB's file.
 * @property {number} startMs From the start of the process to its first answer.
 * @property {number} worstDelayMs Of the event loop, after all of them have expired at once.
 * @property {number} idleDelayMs Of another event loop, at the same time, that has nothing to do: the machine's share.
 * @property {number} seconds Until they were gone, or the patience was.
 * @property {number} left The share of them that was there then.
 */

const PROCESS = fileURLToPath(new URL('scale-process.js', import.meta.url));
const SERVER = fileURLToPath(new URL('../../dist/server.js', import.meta.url));
const SIZES = [1000, 100_000, 1_000_000];
const HUGE = 10_000_000;
/** How long a sweep is watched at the most. */
const PATIENCE_SECONDS = 120;

/**
 * @param {{ seconds: number, huge: boolean }} options `huge` adds ten million on LMDB: half an hour, and 6 GB of disk.
 * @param {(text: string) => void} tell
 * @returns {Promise<Size[]>}
 */
export async function scale({ seconds, huge }, tell) {
  const found = [];
  const sizes = { memory: SIZES, lmdb: huge ? [...SIZES, HUGE] : SIZES };
  for (const store of /** @type {const} */ (['memory', 'lmdb'])) {
    for (const sessions of sizes[store]) {
      tell(`${sessions.toLocaleString('en')} sessions, ${store}`);
      found.push(await measure(store, sessions, seconds));
    }
  }
  return found;
}

/**
 * @param {'memory' | 'lmdb'} store
 * @param {number} sessions
 * @param {number} seconds
 * @returns {Promise<Size>}
 */
async function measure(store, sessions, seconds) {
  const directory = scratchDirectory(`scale-${store}`);
  const storeUrl = store === 'memory' ? 'memory:' : `lmdb:${directory}`;
  const child = startProcess(SERVER_CORE);
  const { port, cookies, milestones, bytes, fileBytes } = await child.ask({
    do: 'serve',
    storeUrl,
    sessions,
  });
  const target = { port, cookies, core: LOAD_CORE };
  await load({ ...target, seconds: 1 });
  const { perSecond } = await Promise.race([load({ ...target, seconds }), child.died()]);
  await child.stop();
  const startMs = await startUp(storeUrl);
  const swept =
    store === 'memory'
      ? await leastDelay(() => sweep({ storeUrl, sessions }))
      : await sweep({ storeUrl, sessions, milestones });
  rmSync(directory, { recursive: true });
  return { store, sessions, perSecond, bytes, fileBytes, startMs, ...swept };
}

/**
 * The best of a few runs: what the machine adds comes and goes, what we do ourselves is there in each.
 * @template {{ worstDelayMs: number }} T
 * @param {() => Promise<T>} run
 */
async function leastDelay(run) {
  const runs = [await run(), await run(), await run()];
  return runs.reduce((least, one) => (one.worstDelayMs < least.worstDelayMs ? one : least));
}

/**
 * Lets all sessions expire, beside a process that does nothing.
 * @param {{ storeUrl: string, sessions: number, milestones?: string[] }} place
 */
async function sweep(place) {
  const sweeping = startProcess(SERVER_CORE);
  const idle = startProcess(LOAD_CORE);
  await sweeping.ask({ do: 'open', ...place });
  await idle.ask({ do: 'watch' });
  const found = await sweeping.ask({ do: 'expire', maxSeconds: PATIENCE_SECONDS });
  const { worstDelayMs: idleDelayMs } = await idle.ask({ do: 'tell' });
  await sweeping.stop();
  await idle.stop();
  return { ...found, idleDelayMs };
}

/** @param {number | undefined} core */
function startProcess(core) {
  return start([process.execPath, '--expose-gc', PROCESS], { core, ipc: true });
}

/** How long the service takes from its start to its first answer. @param {string} storeUrl */
async function startUp(storeUrl) {
  const startedAt = performance.now();
  const env = { STORE_URL: storeUrl, PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: 'info' };
  const server = start([process.execPath, SERVER], { stdout: 'pipe', env, cwd: scratchDirectory('start') });
  const port = await Promise.race([portIn(server), server.died()]);
  await (await fetch(`http://127.0.0.1:${port}/readyz`)).text();
  const tookMs = performance.now() - startedAt;
  await server.stop();
  return tookMs;
}

/**
 * @param {import('../lib/children.js').Child} server
 * @returns {Promise<string>}
 */
async function portIn(server) {
  let text = '';
  for await (const chunk of /** @type {import('node:stream').Readable} */ (server.stdout)) {
    text += chunk;
    const port = /listening at http:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1];
    if (port !== undefined) {
      return port;
    }
  }
  throw new Error(`the service does not say where it listens: ${text}`);
}
