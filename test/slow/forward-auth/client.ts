import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { connect as connectHttp2, type OutgoingHttpHeaders } from 'node:http2';
import { Agent, request } from 'node:https';
import { createRequire } from 'node:module';
import { buffer } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { APP } from '../../helpers/proxies.ts';

/** The client that `@fastify/websocket` brings. Node 20 has none. */
const { WebSocket } = createRequire(import.meta.resolve('@fastify/websocket'))('ws');

/** One connection a request: proxies that stop, or the app, would close idle ones. */
const agent = new Agent({ keepAlive: false });

export type HeaderList = readonly (readonly [string, string])[];

export interface Sent {
  readonly method?: string;
  /** Default: the host of the app. */
  readonly host?: string;
  readonly path?: string;
  /** They are sent as they are, also several of one name. */
  readonly headers?: HeaderList;
  readonly body?: Buffer;
}

export interface Reply {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What the app of the example received. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: { bytes: number; sha256: string };
}

/** The headers of Chromium for the navigation of a tab. */
export const NAVIGATION: HeaderList = [
  ['Accept', 'text/html,application/xhtml+xml,*/*;q=0.8'],
  ['Sec-Fetch-Site', 'none'],
  ['Sec-Fetch-Mode', 'navigate'],
  ['Sec-Fetch-Dest', 'document'],
];

/** Sends a request over TLS to a port of 127.0.0.1. Follows no redirect. */
export async function send(port: number, sent: Sent = {}): Promise<Reply> {
  const { method = 'GET', host = APP, path = '/', headers = [], body } = sent;
  const length: HeaderList = body === undefined ? [] : [['Content-Length', String(body.length)]];
  const outgoing = request({
    host: '127.0.0.1',
    port,
    agent,
    method,
    path,
    servername: APP,
    rejectUnauthorized: false,
    headers: [['Host', host], ...headers, ...length].flat() as unknown as IncomingHttpHeaders,
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: (await buffer(response)).toString() };
}

/** Opens a WebSocket and sends a message. Resolves with the answer, or with the status that refused the handshake. */
export async function sayHello(port: number, headers: Record<string, string>): Promise<string | number> {
  const socket = new WebSocket(`wss://127.0.0.1:${port}/socket`, {
    headers: { host: APP, 'sec-fetch-mode': 'websocket', 'sec-fetch-dest': 'websocket', ...headers },
    servername: APP,
    rejectUnauthorized: false,
  });
  socket.on('open', () => socket.send('hello'));
  const answered = once(socket, 'message').then(([message]) => String(message));
  const refused = once(socket, 'unexpected-response').then(([request, response]) => {
    request.destroy();
    return response.statusCode as number;
  });
  const first = await Promise.race([answered, refused]);
  socket.on('error', () => {});
  socket.terminate();
  return first;
}

/** Sends a request with HTTP/2. Resolves with undefined if the proxy does not speak it. */
export async function sendHttp2(port: number, { path = '/', headers = [] }: Sent): Promise<Reply | undefined> {
  const options = {
    host: '127.0.0.1',
    port,
    servername: APP,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2', 'http/1.1'],
  };
  const socket = connectTls(options);
  await once(socket, 'secureConnect');
  if (socket.alpnProtocol !== 'h2') {
    socket.destroy();
    return undefined;
  }
  const session = connectHttp2(`https://${APP}`, { createConnection: () => socket });
  const fields: OutgoingHttpHeaders = { ':path': path };
  for (const [name, value] of headers) {
    fields[name.toLowerCase()] = value;
  }
  const stream = session.request(fields);
  const [answered] = await once(stream, 'response');
  const body = (await buffer(stream)).toString();
  session.close();
  return { status: answered[':status'], headers: answered, body };
}
