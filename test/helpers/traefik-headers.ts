import type { IncomingMessage } from 'node:http';

// What Traefik 3.7 does with headers, after its documentation of `forwardAuth` and its source: the middlewares
// `forwardedheaders` and `auth/forward`.

/** Headers by their name in the form of Go: `Remote_user-Id`. */
export type Headers = Map<string, string[]>;

export const HOP_BY_HOP = ['Connection', 'Keep-Alive', 'Te', 'Trailers', 'Transfer-Encoding', 'Upgrade'];
const MANAGED =
  /^X[-_](Forwarded[-_](Proto|Scheme|For|Host|Port|Server|Uri|Method|Prefix|Tls[-_]Client[-_]Cert([-_]Info)?)|Scheme|Real[-_]Ip)$/i;

export const canonical = (name: string) =>
  name.toLowerCase().replace(/(^|-)[a-z]/g, (letters) => letters.toUpperCase());

export function toHeaders(rawHeaders: readonly string[]): Headers {
  const headers: Headers = new Map();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = canonical(rawHeaders[index] ?? '');
    headers.set(name, [...(headers.get(name) ?? []), rawHeaders[index + 1] ?? '']);
  }
  return headers;
}

export const toRaw = (headers: Headers) =>
  [...headers].flatMap(([name, values]) => values.flatMap((value) => [name, value]));

export function removeAll(headers: Headers, names: Iterable<string>): void {
  for (const name of names) {
    headers.delete(canonical(name));
  }
}

const removeManaged = (headers: Headers) =>
  removeAll(
    headers,
    [...headers.keys()].filter((name) => MANAGED.test(name)),
  );

/** The headers of a request after the entry point, whose `forwardedHeaders` trusts no address. */
export function enter(request: IncomingMessage): Headers {
  const headers = toHeaders(request.rawHeaders);
  const isWebSocket = /\bupgrade\b/i.test(request.headers.connection ?? '') && request.headers.upgrade === 'websocket';
  removeManaged(headers);
  headers.delete('Host');
  headers.set('X-Real-Ip', [request.socket.remoteAddress ?? '']);
  headers.set('X-Forwarded-Proto', [isWebSocket ? 'wss' : 'https']);
  headers.set('X-Forwarded-Port', ['443']);
  headers.set('X-Forwarded-Host', [request.headers.host ?? '']);
  headers.set('X-Forwarded-Server', ['traefik']);
  const named = (headers.get('Connection') ?? []).flatMap((value) => value.split(',').map((name) => name.trim()));
  removeAll(
    headers,
    named.filter((name) => !MANAGED.test(name) && !/^upgrade$/i.test(name)),
  );
  headers.delete('Connection');
  return headers;
}

/** The request that `forwardAuth` sends: all headers of the client, and its own X-Forwarded-*. */
export function authHeaders(request: IncomingMessage, received: Headers): Headers {
  const headers = new Map(received);
  removeAll(headers, HOP_BY_HOP);
  removeManaged(headers);
  headers.set('X-Forwarded-For', [request.socket.remoteAddress ?? '']);
  headers.set('X-Forwarded-Method', [request.method ?? '']);
  headers.set('X-Forwarded-Proto', ['https']);
  headers.set('X-Forwarded-Port', ['443']);
  headers.set('X-Forwarded-Host', [request.headers.host ?? '']);
  headers.set('X-Forwarded-Uri', [request.url ?? '']);
  // The request has no body. The length that the client sent is not a header in Go.
  headers.delete('Content-Length');
  return headers;
}

/** The headers of the request to a service. */
export function passedOn(request: IncomingMessage, headers: Headers): Headers {
  const passed = new Map(headers);
  removeAll(passed, HOP_BY_HOP);
  passed.set('X-Forwarded-For', [request.socket.remoteAddress ?? '']);
  return passed;
}

export function head(line: string, headers: Headers): string {
  const lines = [...headers].flatMap(([name, values]) => values.map((value) => `${name}: ${value}`));
  return `${[line, ...lines].join('\r\n')}\r\n\r\n`;
}
