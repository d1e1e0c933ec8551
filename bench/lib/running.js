import { openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { start } from './children.js';
import { cookiesOf } from './cookies.js';
import { scratchDirectory } from './scratch.js';
import { nameOf } from './welcome.js';

/**
 * @typedef {import('../contestants/list.js').Entry} Entry
 * @typedef {object} RunOptions
 * @property {string} redisUrl
 * @property {number} [sessions] Live in the store. Default 1,000.
 * @property {number} [core] Default: any.
 * @property {boolean} [hash] Whether sign-ins pay for a password's hash. Default no.
 * @property {string} [lmdbPath] Default: an empty directory.
 *
 * @typedef {{ pid: number, port: number, cookies: string[], stop: () => Promise<void>, died: () => Promise<never> }} Running
 */

/**
 * Starts a contestant in a process of its own, gives it its sessions, and sees to it that it lets in who has one and
 * nobody else.
 * @param {Entry} entry
 * @param {RunOptions} options
 * @returns {Promise<Running>}
 */
export async function run(entry, { redisUrl, sessions = 1000, core, hash = false, lmdbPath }) {
  const file = fileURLToPath(new URL(`../contestants/${entry.file}`, import.meta.url));
  // In an empty directory, so that no .env of a developer has a say; its log in a file, as in earnest.
  const cwd = scratchDirectory(entry.id);
  const stdout = openSync(join(cwd, 'log'), 'a');
  const env = { NODE_ENV: 'production' };
  const child = start([process.execPath, file], { core, ipc: true, stdout, cwd, env });
  const job = {
    sessions,
    redisUrl,
    lmdbPath: lmdbPath ?? join(cwd, 'lmdb'),
    hash,
    settings: entry.settings ?? {},
  };
  const { port, cookies } = await child.ask(job);
  const running = {
    pid: child.pid,
    port,
    cookies: cookies ?? (await Promise.race([signInAll(port, sessions), child.died()])),
    stop: () => child.stop(),
    died: () => child.died(),
  };
  await assertDoor(entry, running);
  return running;
}

/**
 * @param {number} port
 * @param {number} count
 * @returns {Promise<string[]>}
 */
async function signInAll(port, count) {
  const cookies = [];
  for (let i = 0; i < count; i++) {
    cookies.push(await signIn(port, nameOf(i)));
  }
  return cookies;
}

/**
 * @param {number} port
 * @param {string} username
 */
async function signIn(port, username) {
  const response = await fetch(`http://127.0.0.1:${port}/signin`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password: 'password1' }),
  });
  const text = await response.text();
  if (response.status !== 200) {
    throw new Error(`sign-in answers ${response.status} ${text}`);
  }
  return cookiesOf(response.headers.getSetCookie());
}

/**
 * @param {Entry} entry
 * @param {Pick<Running, 'port' | 'cookies'>} running
 */
async function assertDoor({ id, open }, { port, cookies }) {
  const url = `http://127.0.0.1:${port}/welcome`;
  for (const cookie of [cookies[0], cookies.at(-1)]) {
    const signedIn = await fetch(url, { headers: { cookie: cookie ?? '' } });
    const text = await signedIn.text();
    if (signedIn.status !== 200 || !/^Welcome user\d+!$/.test(text)) {
      throw new Error(`${id} answers a session's cookie with ${signedIn.status} ${text}`);
    }
  }
  const stranger = await fetch(url);
  await stranger.text();
  if (stranger.status !== (open ? 200 : 401)) {
    throw new Error(`${id} answers a stranger with ${stranger.status}`);
  }
}
