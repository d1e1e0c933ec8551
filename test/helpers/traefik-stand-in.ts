import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Test } from 'tap';
import type { Certificate } from './certificate.ts';
import {
  authHeaders,
  canonical,
  enter,
  type Headers,
  HOP_BY_HOP,
  head,
  passedOn,
  removeAll,
  toHeaders,
  toRaw,
} from './traefik-headers.ts';

// Debian has no package of Traefik. This does what its documentation of `forwardAuth` says.

/** The settings of the recipe that the stand-in applies. */
export interface TraefikSettings {
  /** `forwardAuth.address`. The stand-in knows only `trustForwardHeader: false`. */
  readonly address: string;
  readonly authResponseHeaders: readonly string[];
  /** The headers that the middleware `headers` removes from requests to the app. */
  readonly removed: readonly string[];
  /** Where requests go by their host, as the rule `Host` says. */
  readonly services: ReadonlyMap<string, string>;
  /** The host whose requests pass the middlewares. */
  readonly protectedHost: string;
  /** Paths of the other host that no rule matches. */
  readonly closedPaths: readonly string[];
  readonly certificate: Certificate;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

async function ask(url: URL, method: string, headers: Headers, body?: Buffer): Promise<Answer> {
  const outgoing = requestHttp(url, {
    method,
    headers: ['Host', url.host, ...toRaw(headers)] as unknown as IncomingHttpHeaders,
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const answered = toHeaders(response.rawHeaders);
  return { status: response.statusCode ?? 0, headers: answered, body: await buffer(response) };
}

const answer = (status: number): Answer => ({ status, headers: new Map(), body: Buffer.alloc(0) });

/** Asks the login service. Returns its answer if the request may not pass. */
async function forwardAuth(
  request: IncomingMessage,
  headers: Headers,
  settings: TraefikSettings,
): Promise<Answer | undefined> {
  removeAll(headers, settings.removed);
  const sent = authHeaders(request, headers);
  const reply = await ask(new URL(settings.address), 'GET', sent).catch(() => answer(500));
  if (reply.status < 200 || reply.status > 299) {
    removeAll(reply.headers, HOP_BY_HOP);
    return reply;
  }
  for (const name of settings.authResponseHeaders.map(canonical)) {
    headers.delete(name);
    const values = reply.headers.get(name);
    if (values !== undefined) {
      headers.set(name, values);
    }
  }
  return undefined;
}

/** Where a request goes: back to the client with an answer, or to a service with these headers. */
type Routed =
  | { readonly refused: Answer }
  | { readonly refused?: undefined; readonly headers: Headers; readonly service: string };

/** Finds the service of a request, and applies the middlewares. */
async function route(request: IncomingMessage, settings: TraefikSettings): Promise<Routed> {
  const headers = enter(request);
  const host = (request.headers.host ?? '').toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');
  const service = settings.services.get(host);
  // Rules see a path without needless percent-encoding.
  const path = (request.url ?? '')
    .replace(/\?.*/, '')
    .replace(/%(2d|2e|5f|7e|[46][1-9a-f]|[57][\da]|3\d)/gi, decodeURIComponent);
  if (service === undefined || (host !== settings.protectedHost && settings.closedPaths.includes(path))) {
    return { refused: answer(404) };
  }
  const refused = host === settings.protectedHost ? await forwardAuth(request, headers, settings) : undefined;
  return refused === undefined ? { headers: passedOn(request, headers), service } : { refused };
}

async function respond(request: IncomingMessage, settings: TraefikSettings): Promise<Answer> {
  const routed = await route(request, settings);
  if (routed.refused !== undefined) {
    return routed.refused;
  }
  const { headers, service } = routed;
  const url = new URL(service);
  const outgoing = requestHttp({
    host: url.hostname,
    port: url.port,
    method: request.method ?? '',
    path: request.url ?? '',
    headers: ['Host', request.headers.host ?? '', ...toRaw(headers)] as unknown as IncomingHttpHeaders,
  });
  outgoing.end(await buffer(request));
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const received = toHeaders(response.rawHeaders);
  removeAll(received, HOP_BY_HOP);
  return { status: response.statusCode ?? 0, headers: received, body: await buffer(response) };
}

/** Passes the handshake of a WebSocket on, and then the bytes of both sides. */
async function upgrade(request: IncomingMessage, client: Socket, settings: TraefikSettings): Promise<void> {
  client.on('error', () => client.destroy());
  const routed = await route(request, settings);
  if (routed.refused !== undefined) {
    client.end(head(`HTTP/1.1 ${routed.refused.status} Refused`, routed.refused.headers));
    return;
  }
  const { headers, service } = routed;
  const url = new URL(service);
  headers.set('Host', [request.headers.host ?? '']);
  headers.set('Connection', ['Upgrade']);
  headers.set('Upgrade', ['websocket']);
  const upstream = connect(Number(url.port), url.hostname);
  upstream.on('error', () => client.destroy());
  client.on('close', () => upstream.destroy());
  upstream.write(head(`GET ${request.url} HTTP/1.1`, headers));
  upstream.pipe(client).pipe(upstream);
}

/** Starts the stand-in on a free port of 127.0.0.1. It ends with the test. */
export async function startTraefikStandIn(t: Test, settings: TraefikSettings): Promise<number> {
  const { cert, key } = settings.certificate;
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, async (request, response) => {
    const { status, headers, body } = await respond(request, settings).catch(() => answer(502));
    response.writeHead(status, toRaw(headers)).end(body);
  });
  server.on('upgrade', (request, socket: Socket) => upgrade(request, socket, settings));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
