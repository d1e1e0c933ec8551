import { setTimeout as sleep } from 'node:timers/promises';
import { obeyParent } from '../lib/children.js';
import { cookiesOf } from '../lib/cookies.js';
import { nameOf } from '../lib/welcome.js';
import { Connection, requestText } from './connection.js';

/**
 * The load that wrk cannot make: requests that depend on the replies before them, and requests at a steady pace.
 *
 * @typedef {object} Flow
 * @property {'refresh' | 'signin' | 'paced'} kind
 * @property {number} port
 * @property {number} seconds
 * @property {string[]} cookies
 * @property {number} connections
 * @property {number} [perSecond] Of the paced kind.
 * @property {number} [users] Who sign in, in turn.
 *
 * @typedef {{ requests: number, perSecond: number, latencies: number[] }} Outcome Latencies in milliseconds.
 */
obeyParent();

process.on('message', async (/** @type {Flow} */ flow) => {
  const connections = Array.from({ length: flow.connections }, () => new Connection(flow.port));
  const outcome = await (flow.kind === 'paced' ? paced(flow, connections) : chained(flow, connections));
  for (const connection of connections) {
    connection.close();
  }
  process.send?.(outcome);
});

/**
 * Each connection sends a request when the one before is answered.
 * @param {Flow} flow
 * @param {Connection[]} connections
 * @returns {Promise<Outcome>}
 */
async function chained(flow, connections) {
  const latencies = /** @type {number[]} */ ([]);
  const startedAt = performance.now();
  const endsAt = startedAt + flow.seconds * 1000;
  await Promise.all(
    connections.map(async (connection, i) => {
      let cookie = flow.cookies[i] ?? '';
      for (let turn = i; performance.now() < endsAt; turn += connections.length) {
        const sentAt = performance.now();
        const reply = await exchange(connection, requestOf(flow, cookie, turn));
        latencies.push(performance.now() - sentAt);
        cookie = cookiesIn(reply);
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  return { requests: latencies.length, perSecond: latencies.length / seconds, latencies };
}

/**
 * Requests at times that do not wait for the server: one that finds no connection free waits, and that counts.
 * @param {Flow} flow
 * @param {Connection[]} connections
 * @returns {Promise<Outcome>}
 */
async function paced({ seconds, perSecond = 100, cookies }, connections) {
  const latencies = /** @type {number[]} */ ([]);
  const requests = cookies.map((Cookie) => requestText('GET', '/welcome', { Cookie }));
  const startedAt = performance.now();
  const count = Math.round(seconds * perSecond);
  const visits = /** @type {Promise<void>[]} */ ([]);
  // A place is a connection, or the promise of one that the visit before gives back.
  const places = connections.map((connection) => Promise.resolve(connection));
  for (let i = 0; i < count; i++) {
    await sleep(startedAt + (i * 1000) / perSecond - performance.now());
    const place = /** @type {Promise<Connection>} */ (places.shift());
    const visit = visitFrom(place, requests[i % requests.length] ?? '', performance.now());
    places.push(visit.then(() => place));
    visits.push(visit.then((latency) => void latencies.push(latency)));
  }
  await Promise.all(visits);
  return { requests: count, perSecond, latencies };
}

/**
 * @param {Promise<Connection>} place
 * @param {string} request
 * @param {number} dueAt
 */
async function visitFrom(place, request, dueAt) {
  await exchange(await place, request);
  return performance.now() - dueAt;
}

/**
 * @param {Flow} flow
 * @param {string} cookie
 * @param {number} turn
 */
function requestOf({ kind, users = 1 }, cookie, turn) {
  if (kind === 'refresh') {
    return requestText('POST', '/refresh', { Cookie: cookie });
  }
  const body = JSON.stringify({ username: nameOf(turn % users), password: 'password1' });
  return requestText('POST', '/signin', { 'Content-Type': 'application/json' }, body);
}

/**
 * @param {Connection} connection
 * @param {string} request
 * @returns {Promise<string>}
 */
async function exchange(connection, request) {
  const reply = await new Promise((resolve, reject) => connection.send(request, resolve, reject));
  if (!reply.startsWith('HTTP/1.1 200 ')) {
    throw new Error(`${request.split('\r\n', 1)[0]} is answered ${reply.slice(0, 500)}`);
  }
  return reply;
}

/** @param {string} reply */
function cookiesIn(reply) {
  return cookiesOf([...reply.matchAll(/^set-cookie: *(.*)$/gim)].map(([, line]) => String(line)));
}
