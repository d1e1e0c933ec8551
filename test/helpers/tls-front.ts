import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';
import type { Certificate } from './certificate.ts';
import { Recorder } from './recorder.ts';

/** A request. */
export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** A request and its reply, as they passed. */
export interface Exchange extends Sent {
  readonly status: number;
  readonly replyHeaders: IncomingHttpHeaders;
}

/** Terminates TLS before a service on this machine, and records what passes. */
export interface TlsFront {
  readonly origin: string;
  readonly wire: Recorder<Exchange>;
  /** The port of the service. Without a service there, connections are closed. */
  target: number;
  /** A test may delay a request, or the reply to it. An error closes the connection. */
  beforeRequest: (sent: Sent) => unknown;
  beforeReply: (exchange: Exchange) => unknown;
}

/** A page of an app on the host of the service. It sends no request of its own, also none for an icon. */
const BLANK = '<!doctype html><title>App</title><link rel="icon" href="data:,"><p>An app.';
export const BLANK_PATH = '/blank';

/** Listens at `https://localhost:PORT`. The port is known before the service starts, which needs it for `PUBLIC_URL`. */
export async function startTlsFront(t: Test, { cert, key }: Certificate): Promise<TlsFront> {
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (incoming, outgoing) =>
    incoming.url === BLANK_PATH
      ? outgoing.setHeader('content-type', 'text/html').end(BLANK)
      : forward(front, incoming, outgoing).catch(() => outgoing.destroy()),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const origin = `https://localhost:${(server.address() as AddressInfo).port}`;
  const front: TlsFront = { origin, wire: new Recorder(), target: 0, beforeRequest: () => {}, beforeReply: () => {} };
  return front;
}

async function forward(front: TlsFront, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { method = '', url: path = '', headers } = incoming;
  await front.beforeRequest({ method, path, headers });
  const upstream = request({ host: '127.0.0.1', port: front.target, method, path, headers, agent: false });
  incoming.pipe(upstream);
  const [reply] = (await once(upstream, 'response')) as [IncomingMessage];
  const { statusCode: status = 0, headers: replyHeaders } = reply;
  const exchange = { method, path, headers, status, replyHeaders };
  front.wire.add(exchange);
  await front.beforeReply(exchange);
  outgoing.writeHead(status, reply.rawHeaders);
  reply.pipe(outgoing);
}

/** Calls a function at the first request, or before the first reply, that matches. */
export function intercept(
  front: TlsFront,
  at: 'beforeRequest' | 'beforeReply',
  matches: (sent: Sent) => boolean,
  act: () => unknown,
): void {
  front[at] = (sent: Sent) => {
    const isFirst = matches(sent);
    if (isFirst) {
      front[at] = () => {};
    }
    return isFirst && act();
  };
}

/** Holds the first one that matches. `arrived` resolves then, and `release` lets it pass. */
export function hold(front: TlsFront, at: 'beforeRequest' | 'beforeReply', matches: (sent: Sent) => boolean) {
  const gate = new EventEmitter();
  const arrived = once(gate, 'arrived');
  intercept(front, at, matches, () => {
    gate.emit('arrived');
    return once(gate, 'release');
  });
  return { arrived, release: () => gate.emit('release') };
}
