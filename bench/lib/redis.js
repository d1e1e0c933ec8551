import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { LOAD_CORE, scratchDirectory, start } from './children.js';

/** @typedef {Awaited<ReturnType<typeof startRedis>>} Redis */

/** Starts an empty redis-server with the settings that the service asks for, on a free port of the loopback. */
export async function startRedis() {
  const port = await freePort();
  const address = ['--port', port, '--bind', '127.0.0.1', '--dir', scratchDirectory()];
  const settings = ['--save', '', '--appendonly', 'yes', '--maxmemory-policy', 'noeviction'];
  const child = start(['redis-server', ...address, ...settings], { core: LOAD_CORE, stdout: 'pipe' });
  await child.printed(/Ready to accept connections/);
  return {
    url: `redis://127.0.0.1:${port}`,
    flush: () => void execFileSync('redis-cli', ['-p', port, 'FLUSHALL']),
    stop: () => child.stop(),
  };
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  return String(port);
}
