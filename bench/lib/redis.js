import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { start } from './children.js';
import { LOAD_CORE } from './cores.js';
import { scratchDirectory } from './scratch.js';

/**
 * A redis-server of our own, with the settings that the service asks for, empty, on a free port of the loopback. It
 * shares the core of the load: in earnest it would run on another machine.
 */
export async function startRedis() {
  const dir = scratchDirectory('redis');
  const port = await freePort();
  const fixed = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', ''];
  const settings = ['--appendonly', 'yes', '--maxmemory-policy', 'noeviction'];
  const child = start(['redis-server', ...fixed, ...settings], { core: LOAD_CORE });
  await Promise.race([accepting(port), child.died()]);
  return { url: `redis://127.0.0.1:${port}`, port, stop: () => child.stop() };
}

/** What one contestant left behind is not for the next to carry. @param {string} url */
export async function emptyRedis(url) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.end('FLUSHALL\r\n');
  const [reply] = await once(socket, 'data');
  if (!String(reply).startsWith('+OK')) {
    throw new Error(`Redis answers FLUSHALL with ${reply}`);
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  await once(server, 'close');
  return port;
}

/** @param {number} port */
async function accepting(port) {
  for (let tries = 0; tries < 500; tries++) {
    const socket = connect(port, '127.0.0.1');
    const accepted = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (accepted) {
      return;
    }
    await sleep(10);
  }
  throw new Error(`nothing listens on port ${port}`);
}
