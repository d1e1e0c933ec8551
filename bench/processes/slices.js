import { answerParent } from '../lib/child.js';
import { Connection, requestText } from '../lib/connection.js';

// The load of the one-process method. The first message names the targets, each further one asks for a slice.

/** @type {Map<string, { connections: Connection[], requests: string[] }>} */
const targets = new Map();
let isRunning = false;

answerParent(async (message) => {
  if (message.targets) {
    open(message);
  } else {
    isRunning = true;
    spin();
    await send(message);
    isRunning = false;
  }
});

/**
 * Keeps this process awake while a slice runs. The kernel would charge each wake-up to the server, and how many there
 * are depends on which of the two processes is a little faster.
 */
function spin() {
  if (isRunning) {
    setImmediate(spin);
  }
}

function open(/** @type {{ targets: Record<string, Target>, connections: number }} */ message) {
  for (const [name, { port, cookies }] of Object.entries(message.targets)) {
    const connections = Array.from({ length: message.connections }, () => new Connection(port));
    const requests = cookies.map((cookie) => requestText('GET /welcome', { cookie }));
    targets.set(name, { connections, requests });
  }
}

async function send(/** @type {{ target: string, count: number }} */ { target, count }) {
  const { connections = [], requests = [] } = targets.get(target) ?? {};
  let sent = 0;
  const run = async (/** @type {Connection} */ connection) => {
    while (sent < count) {
      await connection.exchange(requests[sent++ % requests.length]);
    }
  };
  await Promise.all(connections.map(run));
}
