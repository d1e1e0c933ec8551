import { once } from 'node:events';
import { type AddressInfo, createServer, Server as NetServer, type Server } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { OpenConnections } from '../http/open-connections.ts';

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

const CHECK_INTERVAL_MS = 1000;
/** How many turns of the event loop a closing server waits for one without a new connection. */
const MAX_TURNS = 1000;

/**
 * Bounds what clients can take: the number of connections, the requests of one connection that are not answered yet, and
 * the time to read the replies. It also lets a closing server answer what has arrived and end after its last reply.
 */
export const connections = fp(registerConnections, { name: 'session-cookie-login/connections', fastify: '5.x' });

async function registerConnections(app: FastifyInstance, { maxConnections }: ConnectionsOptions): Promise<void> {
  const open = new OpenConnections(maxConnections);
  let timer: NodeJS.Timeout | undefined;
  app.addHook('onListen', async () => {
    open.max = Math.min(maxConnections, Math.floor((openFileLimit() * 3) / 4));
    timer = setInterval(() => open.closeUnread(performance.now()), CHECK_INTERVAL_MS).unref();
  });
  app.addHook('preClose', async () => clearInterval(timer));
  app.server.on('connection', (socket) => open.add(socket));
  app.addHook('onRequest', ({ socket }, reply, done) => {
    if (open.addRequest(socket, reply.raw)) {
      done();
    } else {
      reply.hijack();
      socket.destroy();
    }
  });
  closeGracefully(app, open);
}

function closeGracefully(app: FastifyInstance, open: OpenConnections): void {
  const listeners: Server[] = [app.server];
  let draining = false;
  let closing = false;
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
  app.addHook('onSend', ({ socket }, reply, payload, done) => {
    open.noteAnswer(socket);
    if (closing) {
      reply.header('connection', 'close');
    }
    done(null, payload);
  });
  app.addHook('preClose', async () => {
    closing = true;
    await stopListening(listeners, open);
    await open.closeAll();
  });
}

/**
 * Stops accepting connections. The system resets those that it has accepted for the process and that the process has not
 * yet accepted, so this waits for a turn of the event loop in which none was accepted. `http.Server.close` would also close
 * idle connections, on which a request may be under way.
 */
async function stopListening(listeners: readonly Server[], open: OpenConnections): Promise<void> {
  for (let turn = 0, before = -1; turn < MAX_TURNS && open.accepted !== before; turn++) {
    before = open.accepted;
    await nextTurn();
  }
  for (const listener of listeners) {
    NetServer.prototype.close.call(listener);
  }
}

/** How many files and connections the system lets this process open. */
export function openFileLimit(report = readReport()): number {
  // Windows has no such limit.
  return Number(report.userLimits?.open_files.soft) || Number.POSITIVE_INFINITY;
}

function readReport(): Report {
  // The types of Node 20 lack this property, which came with 20.13.
  const settings = process.report as typeof process.report & { excludeNetwork: boolean };
  const before = settings.excludeNetwork;
  // Otherwise the report asks the name server for the name of each peer, and blocks until it answers.
  settings.excludeNetwork = true;
  const report = process.report.getReport() as Report;
  settings.excludeNetwork = before;
  return report;
}

/** The part of Node's diagnostic report that is read. */
interface Report {
  readonly userLimits?: { readonly open_files: { readonly soft: number | 'unlimited' } };
}
