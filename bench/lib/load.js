import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scratchDirectory, start, startProcess } from './children.js';

const CONNECTIONS = 32;
const SLICE_SECONDS = 1;
/** Until the compiler has optimized a server. */
export const WARM_UP_SLICES = 2;
const SCRIPT = fileURLToPath(new URL('../processes/wrk.lua', import.meta.url));

/**
 * Sends as many GET /welcome as the server answers.
 * @param {Target} target
 * @param {number} seconds
 * @param {number} [core]
 */
export async function load({ port, cookies }, seconds, core) {
  const file = join(scratchDirectory(), 'cookies');
  writeFileSync(file, `${cookies.join('\n')}\n`);
  const options = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', SCRIPT];
  const wrk = start(['wrk', ...options, `http://127.0.0.1:${port}`, '--', file], { core, stdout: 'pipe' });
  const [, json] = await wrk.printed(/^RESULT (.*)$/m);
  await wrk.closed;
  const { requests, micros, errors, p50, p99 } = JSON.parse(json);
  if (errors > 0 || requests === 0) {
    throw new Error(`${errors} errors in ${requests} requests`);
  }
  return { requests, perSecond: (requests * 1e6) / micros, p50: p50 / 1000, p99: p99 / 1000 };
}

/**
 * One slice of load. `userMicros` is the CPU time of the server in user mode, a request: without the kernel, whose share
 * depends on how often the load lets the server sleep.
 * @param {Target & { child: import('./children.js').Child }} server
 * @param {number} [core]
 */
export async function loadSlice({ child, ...target }, core) {
  const { result, userMillis } = await child.cpuDuring(() => load(target, SLICE_SECONDS, core));
  const { requests, ...figures } = result;
  return { ...figures, userMicros: (userMillis * 1000) / requests, residentMiB: child.residentMiB() };
}

/**
 * Makes a load that wrk cannot make. Returns requests a second, and the latencies in milliseconds.
 * @param {import('../processes/flow.js').Flow} flow
 * @param {number} [core]
 * @returns {Promise<{ perSecond: number, latencies: number[] }>}
 */
export async function runFlow(flow, core) {
  const child = startProcess('flow.js', { core });
  const result = await child.ask(flow);
  await child.stop();
  return result;
}
