import { once } from 'node:events';
import { type AddressInfo, createServer, Server as NetServer, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import type { Milliseconds } from '../types.ts';

export interface ConnectionsOptions {
  /** The most open connections. One more closes the oldest one that waits for a request. */
  readonly maxConnections: number;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether `drain` was called: `/readyz` fails then, and all requests are still answered. */
    readonly draining: boolean;
    /** Tells load balancers that the service is about to stop. */
    drain(): void;
    /** Listens on one more address, with the port of the server, and hands the connections to the server. */
    listenAlso(host: string): Promise<void>;
  }
}

/** No browser or proxy sends that many requests on one connection without reading the replies. */
const MAX_UNANSWERED = 32;
/** How long a client may take to read the replies that are ready, in milliseconds. */
const READ_TIMEOUT_MS = 60_000;
const CHECK_INTERVAL_MS = 1000;
/** How many turns of the event loop a closing server waits for one without a new connection. */
const MAX_TURNS = 1000;
/** How long a request that has started to arrive when the server closes may take to arrive, in milliseconds. */
const REQUEST_GRACE_MS = 5000;

/** How long nothing must have arrived on a connection before a closing server closes it, in milliseconds. */
const IDLE_MS = 200;

interface Connection {
  readonly unanswered: Set<FastifyReply>;
  /** `bytesRead` of the socket when its latest reply was sent. */
  answeredBytes: number;
  /** Since when there has been a reply that the client has not read. */
  unreadSince: Milliseconds | undefined;
}

type Connections = Map<Socket, Connection>;

/**
 * Bounds what clients can take: the number of connections, the requests of one connection that are not answered yet, and
 * the time to read the replies. It also lets a closing server answer what has arrived and end after its last reply.
 */
export const connections = fp(registerConnections, { name: 'connections', fastify: '5.x' });

async function registerConnections(app: FastifyInstance, { maxConnections }: ConnectionsOptions): Promise<void> {
  // In the order of their age.
  const open: Connections = new Map();
  const listeners: Server[] = [app.server];
  let limit = maxConnections;
  let accepted = 0;
  let draining = false;
  let closing = false;
  let timer: NodeJS.Timeout | undefined;
  app.decorate('draining', { getter: () => draining });
  app.decorate('drain', () => {
    draining = true;
  });
  app.decorate('listenAlso', async (host) => {
    const { port } = app.server.address() as AddressInfo;
    const listener = createServer((socket) => app.server.emit('connection', socket)).listen({ host, port });
    await once(listener, 'listening');
    listeners.push(listener);
  });

  app.addHook('onListen', async () => {
    limit = Math.min(maxConnections, Math.floor((openFileLimit() * 3) / 4));
    timer = setInterval(() => closeUnread(open, performance.now()), CHECK_INTERVAL_MS).unref();
  });
  app.server.on('connection', (socket: Socket) => {
    accepted++;
    if (open.size >= limit) {
      makeRoom(open, socket);
    }
    const connection: Connection = { unanswered: new Set(), answeredBytes: 0, unreadSince: undefined };
    open.set(socket, connection);
    socket.once('close', () => {
      open.delete(socket);
      closeQueued(connection);
    });
  });
  app.addHook('onRequest', (request, reply, done) => {
    const unanswered = open.get(request.socket)?.unanswered;
    if (unanswered === undefined || unanswered.add(reply).size <= MAX_UNANSWERED) {
      done();
    } else {
      reply.hijack();
      request.socket.destroy();
    }
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) {
      reply.header('connection', 'close');
    }
    done(null, payload);
  });
  app.addHook('onResponse', ({ socket }, reply, done) => {
    const connection = open.get(socket);
    if (connection !== undefined) {
      connection.unanswered.delete(reply);
      connection.answeredBytes = socket.bytesRead;
    }
    done();
  });
  app.addHook('preClose', async () => {
    closing = true;
    clearInterval(timer);
    await stopListening(listeners, () => accepted);
    await closeAll(open);
  });
}

/**
 * Stops accepting connections. The system resets those that it has accepted for the process and that the process has not
 * yet accepted, so this waits for a turn of the event loop in which none was accepted. `http.Server.close` would also close
 * idle connections, on which a request may be under way.
 */
async function stopListening(listeners: readonly Server[], accepted: () => number): Promise<void> {
  for (let turn = 0, before = -1; turn < MAX_TURNS && accepted() !== before; turn++) {
    before = accepted();
    await nextTurn();
  }
  for (const listener of listeners) {
    NetServer.prototype.close.call(listener);
  }
}

/**
 * Closes each connection when its requests are answered and nothing more has arrived for a moment: a proxy may use it until
 * it reads `Connection: close`. A request that arrives slowly gets a grace period. A request that has arrived is answered:
 * the process sets the limit for that.
 */
async function closeAll(open: Connections): Promise<void> {
  const endsAt = performance.now() + REQUEST_GRACE_MS;
  while (open.size > 0) {
    const idle = [...open.keys()].filter((socket) => isIdle(socket, open));
    await sleep(IDLE_MS);
    const late = performance.now() < endsAt ? [] : [...open.keys()].filter((socket) => !hasRequest(socket, open));
    for (const socket of [...idle.filter((one) => isIdle(one, open)), ...late]) {
      socket.destroy();
    }
  }
}

/** Whether everything that has arrived on a connection is answered. */
function isIdle(socket: Socket, open: Connections): boolean {
  const connection = open.get(socket);
  return connection?.unanswered.size === 0 && socket.bytesRead === connection.answeredBytes;
}

/** Node does not report the end of a connection to the replies that wait for an earlier one. Each may hold a file open. */
function closeQueued({ unanswered }: Connection): void {
  for (const { raw } of unanswered) {
    if (raw.socket === null) {
      raw.emit('close');
    }
  }
}

/**
 * Closes the oldest connection that waits for a request or for the rest of one; if there is none, the oldest one with a
 * reply that the client has not read yet; if there is none, the new one.
 */
function makeRoom(open: Connections, newcomer: Socket): void {
  const sockets = [...open.keys()];
  const waiting = sockets.find((socket) => !hasRequest(socket, open));
  (waiting ?? sockets.find(({ writableLength }) => writableLength > 0) ?? newcomer).destroy();
}

/** Whether a complete request has arrived on a connection and is not answered yet. */
function hasRequest(socket: Socket, open: Connections): boolean {
  return [...(open.get(socket)?.unanswered ?? [])].some(({ request }) => request.raw.complete);
}

/** Closes the connections whose client has not read its replies in time. */
export function closeUnread(open: Connections, now: Milliseconds): void {
  for (const [socket, connection] of open) {
    connection.unreadSince = socket.writableLength > 0 ? (connection.unreadSince ?? now) : undefined;
    if (connection.unreadSince !== undefined && now - connection.unreadSince > READ_TIMEOUT_MS) {
      socket.destroy();
    }
  }
}

/** How many files and connections the system lets this process open. */
export function openFileLimit(report = readReport()): number {
  // Windows has no such limit.
  return Number(report.userLimits?.open_files.soft) || Number.POSITIVE_INFINITY;
}

function readReport(): Report {
  const settings = process.report as { excludeNetwork?: boolean };
  const before = settings.excludeNetwork;
  // Otherwise the report asks the name server for the name of each peer, and blocks until it answers.
  settings.excludeNetwork = true;
  const report = process.report.getReport() as Report;
  settings.excludeNetwork = before ?? false;
  return report;
}

/** The part of Node's diagnostic report that is read. */
interface Report {
  readonly userLimits?: { readonly open_files: { readonly soft: number | 'unlimited' } };
}
