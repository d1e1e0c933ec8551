import { obeyParent } from '../lib/children.js';
import { Connection, requestText } from './connection.js';

/**
 * The load of the one-process method: keeps connections to several ports open, and sends a given number of requests to
 * one of them at a time.
 *
 * @typedef {{ targets: Record<string, { port: number, cookies: string[] }>, connections: number }} Setup
 * @typedef {{ target: string, count: number }} Slice
 */
obeyParent();

/** @type {Map<string, { connections: Connection[], requests: string[] }>} */
const targets = new Map();

process.on('message', async (/** @type {Setup | Slice} */ message) => {
  if ('targets' in message) {
    open(message);
  } else {
    awake = true;
    spin();
    await slice(message);
    awake = false;
  }
  process.send?.({ done: true });
});

let awake = false;

/**
 * Keeps this process from going to sleep while a slice runs. To wake it for a reply would be work of the kernel in the
 * server's name, and how often that is due depends on who of the two is a little faster: it would be measured as if it
 * were the server's own.
 */
function spin() {
  if (awake) {
    setImmediate(spin);
  }
}

/** @param {Setup} setup */
function open(setup) {
  for (const [name, { port, cookies }] of Object.entries(setup.targets)) {
    const connections = Array.from({ length: setup.connections }, () => new Connection(port));
    const requests = cookies.map((Cookie) => requestText('GET', '/welcome', { Cookie }));
    targets.set(name, { connections, requests });
  }
}

/** @param {Slice} slice */
function slice({ target, count }) {
  const found = targets.get(target);
  if (found === undefined) {
    throw new Error(`there is no target ${target}`);
  }
  const { connections, requests } = found;
  let sent = 0;
  let answered = 0;
  return new Promise((resolve, reject) => {
    const next = (/** @type {Connection} */ connection) => {
      if (sent < count) {
        const request = /** @type {string} */ (requests[sent++ % requests.length]);
        connection.send(request, (reply) => take(connection, reply), reject);
      } else if (answered === count) {
        resolve(undefined);
      }
    };
    const take = (/** @type {Connection} */ connection, /** @type {string} */ reply) => {
      if (!reply.startsWith('HTTP/1.1 200 ')) {
        reject(new Error(`${target} answered ${reply.slice(0, 300)}`));
        return;
      }
      answered++;
      next(connection);
    };
    connections.forEach(next);
  });
}
