import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { contestants } from '../contestants/list.js';
import { canPin } from '../lib/cores.js';
import { hasWrk } from '../load/load.js';

/** Where and when, and how far to trust it. @param {Date} startedAt */
export function machine(startedAt) {
  const minutes = Math.round((Date.now() - startedAt.getTime()) / 60_000);
  return [
    `- ${startedAt.toISOString().slice(0, 10)}, ${minutes} minutes, Node.js ${process.version}, ${process.platform} ${process.arch}`,
    `- ${availableParallelism()} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB; load average at the end ${loadavg()[1]?.toFixed(1)}`,
    `- load by ${hasWrk ? 'wrk' : 'autocannon'}; server and load ${canPin ? 'on a core each' : 'on the same cores'}`,
    '- how noisy: see the control, the bare route a second time. Nothing finer than what it is off by is a difference.',
  ].join('\n');
}

/** What took part, as it is installed. */
export function versions() {
  const names = ['fastify', ...contestants.flatMap(({ packages = [] }) => packages)];
  return [...new Set(names)].map((name) => `- ${name} ${versionOf(name)}`).join('\n');
}

/** @param {string} name */
function versionOf(name) {
  for (const place of ['../node_modules', '../../node_modules']) {
    try {
      return JSON.parse(readFileSync(new URL(`${place}/${name}/package.json`, import.meta.url), 'utf8'))
        .version;
    } catch {
      // In the other place.
    }
  }
  throw new Error(`${name} is not installed`);
}
