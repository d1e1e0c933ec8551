import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startProcess } from '../lib/children.js';
import { checkAccess, nameOf } from '../lib/client.js';
import { startContestant } from '../lib/contestant-process.js';
import { load } from '../lib/load.js';
import { hasNginx, startNginx } from '../lib/nginx.js';
import { freePort, startRedis } from '../lib/redis.js';
import { median, ratioOf, shuffled } from '../lib/stats.js';
import { forwardAuthTable } from '../tables.js';

/**
 * @typedef {{ perSecond: number, p99: number, userMicros: number }} Slice `userMicros` is the CPU time of the server that
 * nginx asks, in user mode, a request.
 * @typedef {ReturnType<typeof summarize>[number]} Protection
 */

const SLICE_SECONDS = 1;
const WARM_UP_SECONDS = 2;
const ORIGIN = 'http://app.example.com';

/** What nginx asks. The ids with "bare" let everybody pass. */
const SERVERS = {
  'nginx-bare': 'nobody: nginx alone',
  bare: 'a bare Fastify route',
  'bare-again': 'the same once more: the control',
  memory: 'ours, memory',
  activity: 'ours, memory, `SESSION_RENEWAL=activity`',
  redis: 'ours, Redis, near cache',
};
const IDS = /** @type {(keyof typeof SERVERS)[]} */ (Object.keys(SERVERS));

/**
 * Compares an app behind nginx with the same app behind nginx and `auth_request`, in slices of load in random order. Each
 * round starts new processes.
 * @param {{ redisUrl: string, rounds?: number, blocks?: number }} options
 */
export async function forwardAuth({ redisUrl, rounds = 3, blocks = 3 }) {
  if (!hasNginx()) {
    return undefined;
  }
  const groups = [];
  for (let round = 1; round <= rounds; round++) {
    console.error(`forward authentication: round ${round} of ${rounds}`);
    groups.push(await measure(redisUrl, blocks));
  }
  return summarize(groups);
}

/** One round. @returns {Promise<Record<string, Slice>[]>} */
async function measure(/** @type {string} */ redisUrl, /** @type {number} */ blocks) {
  const { app, servers } = await startServers(redisUrl);
  const nginx = await startNginx(nginxConfig(app.port, servers), servers[0].listen);
  for (const { id, listen: port, cookies } of servers) {
    await checkAccess(id, { port, cookies });
    await load({ port, cookies }, WARM_UP_SECONDS);
  }
  const found = [];
  for (let i = 0; i < blocks; i++) {
    /** @type {Record<string, Slice>} */
    const block = {};
    for (const server of shuffled(servers)) {
      block[server.id] = await slice(server);
    }
    found.push(block);
  }
  await Promise.all([nginx, app.child, ...servers.map(({ child }) => child)].map((child) => child.stop()));
  return found;
}

/** @typedef {Awaited<ReturnType<typeof startServers>>['servers'][number]} Server */

async function slice(/** @type {Server} */ { child, listen: port, cookies }) {
  const { result, userMillis } = await child.cpuDuring(() => load({ port, cookies }, SLICE_SECONDS));
  return { ...result, userMicros: (userMillis * 1000) / result.requests };
}

/** Starts the app, and the servers that nginx asks. nginx alone has one, too, which gets no request. */
async function startServers(/** @type {string} */ redisUrl) {
  const { cookies, ...app } = await start('bare', redisUrl);
  const started = [];
  for (const id of IDS) {
    started.push({ id, ...(await start(id, redisUrl)) });
  }
  // At the end and at the same time: otherwise a server could get a port that is meant for nginx.
  const listens = await Promise.all(IDS.map(freePort));
  return { app, servers: started.map((server, i) => ({ ...server, listen: Number(listens[i]) })) };
}

async function start(/** @type {string} */ id, /** @type {string} */ redisUrl) {
  if (id.includes('bare')) {
    const child = startProcess('contestant.js', { env: { NODE_ENV: 'production' } });
    const { port } = await child.ask({ module: 'forward-auth' });
    // A token of the usual length.
    return { child, port, cookies: [`session_token=${'a'.repeat(22)}.${'b'.repeat(43)}`] };
  }
  const env = { TRUST_PROXY: 'loopback', TRUSTED_ORIGINS: ORIGIN, SESSION_RENEWAL: id === 'activity' ? id : 'refresh' };
  const settings = { store: id === 'redis' ? /** @type {const} */ ('redis') : /** @type {const} */ ('memory'), env };
  return startContestant({ id, title: '', module: 'ours', settings, tables: [] }, { redisUrl });
}

/** The directives of examples/forward-auth/nginx without TLS, WebSocket and error pages. A server block for each port. */
function nginxConfig(/** @type {number} */ appPort, /** @type {Server[]} */ servers) {
  const upstream = (name, port) => `upstream ${name} { server 127.0.0.1:${port}; keepalive 32; }`;
  const upstreams = servers.map(({ id, port }) => upstream(id, port));
  return [upstream('app', appPort), ...upstreams, ...servers.map(serverBlock)].join('\n');
}

function serverBlock(/** @type {Server} */ { id, listen }) {
  const isAlone = id === 'nginx-bare';
  return `server {
    listen 127.0.0.1:${listen};
    location / {
      ${isAlone ? `set $login_user ${nameOf(0)};` : AUTH_REQUEST}
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header Cookie "";
      proxy_set_header Remote-User $login_user;
      ${isAlone ? '' : REMOTE_HEADERS}
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
    }
    location = /.auth-request {
      internal;
      proxy_pass http://${id}/auth-request;
      ${SUBREQUEST}
    }
  }`;
}

const AUTH_REQUEST = `auth_request /.auth-request;
      auth_request_set $login_location $upstream_http_location;
      auth_request_set $login_user $upstream_http_remote_user;
      auth_request_set $login_user_id $upstream_http_remote_user_id;
      auth_request_set $login_session_id $upstream_http_remote_session_id;`;

const REMOTE_HEADERS = `proxy_set_header Remote-User-Id $login_user_id;
      proxy_set_header Remote-Session-Id $login_session_id;`;

const SUBREQUEST = `proxy_http_version 1.1;
      proxy_pass_request_body off;
      proxy_pass_request_headers off;
      proxy_set_header Connection "";
      proxy_set_header Content-Length "";
      proxy_set_header Host login.example.com;
      proxy_set_header X-Original-Method $request_method;
      proxy_set_header X-Original-URL ${ORIGIN}$request_uri;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header Accept $http_accept;
      proxy_set_header Cookie $http_cookie;
      proxy_set_header Origin $http_origin;
      proxy_set_header Sec-Fetch-Dest $http_sec_fetch_dest;
      proxy_set_header Sec-Fetch-Mode $http_sec_fetch_mode;
      proxy_set_header Sec-Fetch-Site $http_sec_fetch_site;
      proxy_set_header Sec-WebSocket-Key $http_sec_websocket_key;
      proxy_set_header Sec-WebSocket-Version $http_sec_websocket_version;
      proxy_set_header User-Agent $http_user_agent;`;

/** A ratio is taken within a block. Requests and latencies are compared with nginx alone, CPU time with the bare route. */
function summarize(/** @type {Record<string, Slice>[][]} */ rounds) {
  const slices = rounds.flat();
  return IDS.map((id) => {
    const ratio = (/** @type {keyof Slice} */ figure, /** @type {string} */ base) =>
      ratioOf(rounds.map((blocks) => blocks.map((block) => block[id][figure] / block[base][figure])));
    const middle = (/** @type {keyof Slice} */ figure) => median(slices.map((block) => block[id][figure]));
    return {
      title: SERVERS[id],
      perSecond: middle('perSecond'),
      speed: ratio('perSecond', 'nginx-bare'),
      p99: middle('p99'),
      delay: ratio('p99', 'nginx-bare'),
      userMicros: middle('userMicros'),
      cpu: id === 'nginx-bare' ? undefined : ratio('userMicros', 'bare'),
    };
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '3' }, blocks: { type: 'string', default: '3' } },
  });
  const redis = await startRedis();
  const counts = { rounds: Number(values.rounds), blocks: Number(values.blocks) };
  console.log(forwardAuthTable(await forwardAuth({ redisUrl: redis.url, ...counts })));
  await redis.stop();
}
