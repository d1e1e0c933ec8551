import { inBlocks } from '../lib/blocks.js';
import { startProcess } from '../lib/children.js';
import { checkAccess, nameOf } from '../lib/client.js';
import { startContestant } from '../lib/contestant-process.js';
import { loadSlice, WARM_UP_SLICES } from '../lib/load.js';
import { hasNginx, startNginx } from '../lib/nginx.js';
import { freePort } from '../lib/redis.js';

const ORIGIN = 'http://app.example.com';

/** What nginx asks. The ids with "bare" let everybody pass. */
const entries = [
  { id: 'nginx-bare', title: 'nobody: nginx alone' },
  { id: 'bare', title: 'a bare Fastify route' },
  { id: 'bare-again', title: 'the same once more: the control' },
  { id: 'memory', title: 'ours, memory' },
  { id: 'activity', title: 'ours, memory, `SESSION_RENEWAL=activity`' },
  { id: 'redis', title: 'ours, Redis, near cache' },
];

/** Compares an app behind nginx with the same app behind nginx and `auth_request`. */
export async function forwardAuth(/** @type {Run} */ { redis, rounds = 2, blocks = 3 }) {
  if (!hasNginx()) {
    return undefined;
  }
  const counts = { rounds, blocks, warmUp: WARM_UP_SLICES };
  return { entries, found: await inBlocks('forward authentication', counts, () => startAll(redis), slice) };
}

/** @typedef {Awaited<ReturnType<typeof start>> & { listen: number }} Server */

async function slice(/** @type {Server} */ { id, child, listen: port, cookies }) {
  const { perSecond, p99, userMicros } = await loadSlice({ child, port, cookies });
  return { perSecond, p99, ...(id !== 'nginx-bare' && { userMicros }) };
}

/** Starts the app, the servers that nginx asks, and nginx. nginx alone has a server, too, which gets no request. */
async function startAll(/** @type {Run['redis']} */ redis) {
  const app = await start('bare', redis);
  const started = [];
  for (const { id } of entries) {
    started.push(await start(id, redis));
  }
  // At the end and at the same time: otherwise a server could get a port that is meant for nginx.
  const listens = await Promise.all(entries.map(freePort));
  const servers = started.map((server, i) => ({ ...server, listen: Number(listens[i]) }));
  const nginx = await startNginx(nginxConfig(app.port, servers), servers[0].listen);
  await Promise.all(servers.map(({ id, listen: port, cookies }) => checkAccess(id, { port, cookies })));
  return { servers, children: [nginx, app.child, ...servers.map(({ child }) => child)] };
}

async function start(/** @type {string} */ id, /** @type {Run['redis']} */ redis) {
  if (id.includes('bare')) {
    const child = startProcess('contestant.js', { env: { NODE_ENV: 'production' } });
    const { port } = await child.ask({ module: 'forward-auth' });
    // A token of the usual length.
    return { id, child, port: Number(port), cookies: [`session_token=${'a'.repeat(22)}.${'b'.repeat(43)}`] };
  }
  const env = { TRUST_PROXY: 'loopback', TRUSTED_ORIGINS: ORIGIN, SESSION_RENEWAL: id === 'activity' ? id : 'refresh' };
  const settings = { store: id === 'redis' ? /** @type {const} */ ('redis') : /** @type {const} */ ('memory'), env };
  return startContestant({ id, title: '', module: 'ours', settings, tags: [] }, { redis });
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
