import { setTimeout as sleep } from 'node:timers/promises';
import { answerParent } from '../lib/child.js';
import { cookieHeader, nameOf, PASSWORD } from '../lib/client.js';
import { Connection, requestText } from '../lib/connection.js';

/**
 * @typedef {object} Flow
 * @property {'refresh' | 'signin' | 'visits'} kind
 * @property {number} port
 * @property {number} seconds
 * @property {number} connections
 * @property {string[]} [cookies]
 * @property {number} [perSecond] Of visits.
 * @property {number} [users] Who sign in, in turn.
 */

answerParent(async (/** @type {Flow} */ flow) => {
  const connections = Array.from({ length: flow.connections }, () => new Connection(flow.port));
  const startedAt = performance.now();
  const latencies = await (flow.kind === 'visits' ? visits(flow, connections) : posts(flow, connections));
  return { latencies, perSecond: latencies.length / ((performance.now() - startedAt) / 1000) };
});

/** Each connection sends a request as soon as the last one is answered, with the cookie of that reply. */
async function posts(/** @type {Flow} */ { kind, seconds, cookies = [], users = 1 }, connections) {
  const latencies = /** @type {number[]} */ ([]);
  const endsAt = performance.now() + seconds * 1000;
  const run = async (/** @type {Connection} */ connection, /** @type {number} */ i) => {
    let cookie = cookies[i];
    for (let turn = i; performance.now() < endsAt; turn += connections.length) {
      const request = kind === 'refresh' ? requestText('POST /refresh', { cookie }) : signIn(turn % users);
      const sentAt = performance.now();
      const reply = await connection.exchange(request);
      latencies.push(performance.now() - sentAt);
      cookie = cookieHeader([...reply.matchAll(/^set-cookie: *(.*)$/gim)].map(([, line]) => line));
    }
  };
  await Promise.all(connections.map(run));
  return latencies;
}

function signIn(/** @type {number} */ user) {
  return requestText('POST /signin', {
    json: JSON.stringify({ username: nameOf(user), password: PASSWORD }),
  });
}

/** GET /welcome at a steady pace. A visit that waits for its connection counts from the time when it was due. */
async function visits(/** @type {Flow} */ { seconds, perSecond = 1, cookies = [] }, connections) {
  const latencies = /** @type {number[]} */ ([]);
  const visit = async (connection, cookie, before) => {
    const dueAt = performance.now();
    await before;
    await connection.exchange(requestText('GET /welcome', { cookie }));
    latencies.push(performance.now() - dueAt);
  };
  const visited = [];
  const startedAt = performance.now();
  for (let i = 0; i < seconds * perSecond; i++) {
    await sleep(startedAt + (i * 1000) / perSecond - performance.now());
    const at = i % connections.length;
    visited[at] = visit(connections[at], cookies[i % cookies.length], visited[at]);
  }
  await Promise.all(visited);
  return latencies;
}
