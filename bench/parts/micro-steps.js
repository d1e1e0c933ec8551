import { IncomingMessage, ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import bare from '../contestants/bare.js';
import { hashesMatch, hashSecret, openStores, parseToken, ServiceCookie, SessionManager } from '../dist.js';
import { WELCOME } from '../lib/client.js';
import { buildService, COOKIE, createSessions, openUncachedRedis } from '../lib/service.js';
import { welcomeHeaders } from '../lib/welcome-headers.js';

/** @typedef {{ name: string, call: (i: number) => unknown }} Step `i` selects the session. */

export const SESSIONS = 1000;
/** @type {import('../dist.js').Lifetimes} */
const LIFETIMES = {
  idleSeconds: 86_400,
  boundIdleSeconds: 86_400,
  maxSeconds: 86_400,
  reuseWindowSeconds: 10,
  renewal: 'refresh',
};
const PLAIN = { 'content-type': 'text/plain; charset=utf-8', 'content-length': String(WELCOME.length) };

/** The steps of an authenticated request, in their order. */
export async function openSteps(/** @type {string} */ redisUrl, /** @type {string} */ lmdbPath) {
  const stores = {
    memory: (await openStores('memory:')).sessions,
    lmdb: (await openStores(`lmdb:${lmdbPath}`)).sessions,
    'redis, near': (await openStores(redisUrl)).sessions,
    'redis, asked': await openUncachedRedis(redisUrl),
  };
  const filled = [];
  for (const [name, store] of Object.entries(stores)) {
    const { cookies } = await createSessions(store, SESSIONS);
    filled.push({ name, store, tokens: cookies.map((cookie) => cookie.slice(COOKIE.length + 1)) });
  }
  const { app: bareApp } = await bare();
  const ours = await buildService({ LOG_LEVEL: 'error' });
  const { cookies } = await createSessions(ours.sessionStore, SESSIONS);
  await bareApp.ready();
  const headers = { ...welcomeHeaders(), ...PLAIN };
  /** @type {Step[]} */
  const steps = [
    ...(await tokenSteps(filled[0].tokens)),
    ...filled.map(findStep),
    ...filled.map(authenticateStep),
    { name: 'reply, bare', call: () => reply(PLAIN) },
    { name: 'reply, with the headers', call: () => reply(headers) },
    { name: 'request, bare', call: (i) => request(bareApp, cookies[i % SESSIONS]) },
    { name: 'request, ours on memory', call: (i) => request(ours, cookies[i % SESSIONS]) },
  ];
  const close = () => Promise.all([bareApp, ours, ...Object.values(stores)].map((open) => open.close()));
  return { steps, close };
}

/** @returns {Promise<Step[]>} */
async function tokenSteps(/** @type {string[]} */ tokens) {
  const cookie = await ServiceCookie.create((await bare()).app, Date.now, { name: COOKIE, secure: false });
  const requests = tokens.map((token) => /** @type {any} */ ({ headers: { cookie: `${COOKIE}=${token}` } }));
  const secrets = tokens.map((token) => parseToken(token)?.secret ?? '');
  const hashes = secrets.map(hashSecret);
  return [
    { name: 'read the cookie', call: (i) => cookie.read(requests[i % SESSIONS]) },
    { name: 'parse the token', call: (i) => parseToken(tokens[i % SESSIONS]) },
    { name: 'hash the secret', call: (i) => hashSecret(secrets[i % SESSIONS]) },
    { name: 'compare the hashes', call: (i) => hashesMatch(hashes[i % SESSIONS], hashes[i % SESSIONS]) },
  ];
}

/** @typedef {{ name: string, store: import('../dist.js').SessionStore, tokens: string[] }} Filled */

/** @returns {Step} */
function findStep(/** @type {Filled} */ { name, store, tokens }) {
  const ids = tokens.map((token) => parseToken(token)?.id ?? '');
  return { name: `find, ${name}`, call: (i) => store.find(ids[i % SESSIONS]) };
}

/** @returns {Step} */
function authenticateStep(/** @type {Filled} */ { name, store, tokens }) {
  const manager = new SessionManager({
    store,
    clock: Date.now,
    namespace: COOKIE,
    lifetimes: LIFETIMES,
    offersBinding: false,
    log: { warn() {} },
  });
  return { name: `authenticate, ${name}`, call: (i) => manager.authenticate(tokens[i % SESSIONS]) };
}

/** Calls an app as Node's HTTP server does, without a socket. Returns the status. */
function request(/** @type {FastifyApp} */ app, /** @type {string} */ cookie) {
  return respond((message, response) => {
    Object.assign(message, { method: 'GET', url: '/welcome', httpVersionMajor: 1, httpVersionMinor: 1 });
    message.headers = { host: '127.0.0.1', cookie };
    app.routing(message, response);
  });
}

/** Writes a reply as Fastify does, without a socket. */
function reply(/** @type {Record<string, string>} */ headers) {
  return respond((_message, response) => {
    response.writeHead(200, headers);
    response.end(WELCOME);
  });
}

const PEER = /** @type {any} */ ({ remoteAddress: '127.0.0.1', remotePort: 40000, encrypted: false });

class Sink extends Writable {
  /** @override */
  _write(_chunk, _encoding, done) {
    done();
  }
}

function respond(/** @type {(message: IncomingMessage, response: ServerResponse) => void} */ handle) {
  return new Promise((resolve) => {
    const message = new IncomingMessage(PEER);
    const response = new ServerResponse(message);
    response.assignSocket(/** @type {any} */ (new Sink()));
    response.on('finish', () => resolve(response.statusCode));
    handle(message, response);
  });
}
