import { fileURLToPath } from 'node:url';
import { start } from '../lib/children.js';

const FLOW = fileURLToPath(new URL('flow.js', import.meta.url));

/**
 * Runs a flow in a process of its own.
 * @param {import('./flow.js').Flow} flow
 * @param {number} [core] Default: any.
 * @returns {Promise<import('./flow.js').Outcome>}
 */
export async function runFlow(flow, core) {
  const child = start([process.execPath, FLOW], { core, ipc: true });
  const outcome = await child.ask(flow);
  await child.stop();
  return outcome;
}
