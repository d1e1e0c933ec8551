import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { start } from '../lib/children.js';
import { scratchDirectory } from '../lib/scratch.js';

const here = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

export const hasWrk = spawnSync('wrk', ['--version']).error === undefined;

/** Open at the same time, each with one request under way. */
export const CONNECTIONS = 32;

/**
 * @typedef {{ requests: number, perSecond: number, p50: number, p99: number }} Load Times in milliseconds.
 * @param {{ port: number, cookies: string[], seconds: number, core?: number }} options
 * @returns {Promise<Load>}
 */
export async function load({ port, cookies, seconds, core }) {
  const file = join(scratchDirectory('cookies'), 'cookies');
  writeFileSync(file, `${cookies.join('\n')}\n`);
  const url = `http://127.0.0.1:${port}`;
  const command = hasWrk
    ? ['wrk', '-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', here('wrk.lua'), url, '--', file]
    : [process.execPath, here('autocannon.js'), url, String(seconds), String(CONNECTIONS), file];
  const output = await start(command, { core, stdout: 'pipe' }).output();
  return read(output);
}

/** @param {string} output */
function read(output) {
  const line = /^RESULT (.*)$/m.exec(output)?.[1];
  if (line === undefined) {
    throw new Error(`the load generator says nothing of use: ${output}`);
  }
  const { requests, micros, errors, p50, p99 } = JSON.parse(line);
  if (errors > 0 || requests === 0 || /Non-2xx/.test(output)) {
    throw new Error(`the load generator counts ${errors} errors in ${requests} requests: ${output}`);
  }
  return { requests, perSecond: (requests * 1e6) / micros, p50: p50 / 1000, p99: p99 / 1000 };
}
