import { fileURLToPath } from 'node:url';
import { obeyParent, start } from '../lib/children.js';
import { LOAD_CORE } from '../lib/cores.js';
import { shuffled } from '../lib/stats.js';
import { variants } from './variants.js';

/**
 * The one process: it serves the bare route, the bare route again, and a variant, and tells what each of many short
 * slices of requests cost it.
 *
 * @typedef {object} Job
 * @property {string} variant
 * @property {number} blocks Of one slice for each of the three.
 * @property {number} warmUp Requests to each before the first slice.
 * @property {number} slice Requests in a slice.
 * @property {number} connections
 * @property {import('./variants.js').Places} places
 *
 * @typedef {{ bare: number, again: number, variant: number }} Block Microseconds of CPU time a request.
 */
obeyParent();

process.once('message', async (/** @type {Job} */ job) => {
  process.send?.({ blocks: await run(job) });
});

/**
 * @param {Job} job
 * @returns {Promise<Block[]>}
 */
async function run(job) {
  const { targets, close } = await serve(job);
  const load = start([process.execPath, fileURLToPath(new URL('../load/slices.js', import.meta.url))], {
    core: LOAD_CORE,
    ipc: true,
  });
  await load.ask({ targets, connections: job.connections });
  const names = /** @type {const} */ (['bare', 'again', 'variant']);

  // The compiler is done with all of them before any is measured.
  const warmUpSlices = Math.ceil(job.warmUp / job.slice);
  for (let i = 0; i < warmUpSlices; i++) {
    for (const target of shuffled(names)) {
      await load.ask({ target, count: job.slice });
    }
  }

  const blocks = [];
  for (let i = 0; i < job.blocks; i++) {
    /** @type {Block} */
    const block = { bare: 0, again: 0, variant: 0 };
    for (const target of shuffled(names)) {
      block[target] = await costOf(() => load.ask({ target, count: job.slice }), job.slice);
    }
    blocks.push(block);
  }
  await load.stop();
  await close();
  return blocks;
}

/** @param {Job} job */
async function serve({ variant, places }) {
  const makers = { bare: variants.bare, again: variants.bare, variant: variants[variant] };
  /** @type {Record<string, { port: number, cookies: string[] }>} */
  const targets = {};
  /** @type {import('fastify').FastifyInstance[]} */
  const apps = [];
  // Who comes first may be better off: another order in every process.
  for (const [name, make] of shuffled(Object.entries(makers))) {
    if (make === undefined) {
      throw new Error(`there is no variant ${variant}`);
    }
    const { app, cookies } = await make(places);
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = /** @type {import('node:net').AddressInfo} */ (app.server.address());
    await check(name === 'variant' ? variant : 'bare', port, cookies);
    targets[name] = { port, cookies };
    apps.push(app);
  }
  return { targets, close: () => Promise.all(apps.map((app) => app.close())) };
}

/**
 * @param {string} name
 * @param {number} port
 * @param {string[]} cookies
 */
async function check(name, port, cookies) {
  const url = `http://127.0.0.1:${port}/welcome`;
  const signedIn = await fetch(url, { headers: { cookie: cookies.at(-1) ?? '' } });
  const text = await signedIn.text();
  const stranger = await fetch(url);
  await stranger.text();
  const refusal = name.startsWith('bare') ? 200 : 401;
  if (signedIn.status !== 200 || stranger.status !== refusal || !text.startsWith('Welcome user')) {
    throw new Error(`${name}: ${signedIn.status} ${text} with the cookie, ${stranger.status} without`);
  }
}

/**
 * Microseconds of CPU time, of all threads of this process, a request.
 * @param {() => Promise<unknown>} action
 * @param {number} requests
 */
async function costOf(action, requests) {
  // What a slice leaves in the young generation is not the next one's to clear away.
  globalThis.gc?.({ type: 'minor' });
  const before = process.cpuUsage();
  await action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / requests;
}
