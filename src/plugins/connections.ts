import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import type { Milliseconds } from '../types.ts';

export interface ConnectionsOptions {
  /** The most open connections. One more closes the oldest one that waits for a request. */
  readonly maxConnections: number;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether the service is about to stop: `drain` was called. */
    readonly draining: boolean;
    /**
     * Prepares for a stop: `/readyz` fails, and each reply closes its connection, so that a proxy opens its next one to
     * another instance. All requests are still answered.
     */
    drain(): void;
  }
}

/** No browser or proxy sends that many requests on one connection without reading the replies. */
const MAX_UNANSWERED = 32;
/** How long a client may take to read the replies that are ready, in milliseconds. */
const READ_TIMEOUT_MS = 60_000;
const CHECK_INTERVAL_MS = 1000;
/** How long a request that has started to arrive when the server closes may take to arrive, in milliseconds. */
const REQUEST_GRACE_MS = 5000;

interface Connection {
  readonly unanswered: Set<FastifyReply>;
  /** Since when there has been a reply that the client has not read. */
  unreadSince: Milliseconds | undefined;
}

/**
 * Bounds what clients can take: the number of connections, the requests of one connection that are not answered yet, and
 * the time to read the replies. It also lets a closing server answer what has arrived and end after its last reply.
 */
export const connections = fp(registerConnections, { name: 'connections', fastify: '5.x' });

async function registerConnections(app: FastifyInstance, { maxConnections }: ConnectionsOptions): Promise<void> {
  // In the order of their age.
  const open = new Map<Socket, Connection>();
  let limit = maxConnections;
  let draining = false;
  let timer: NodeJS.Timeout | undefined;
  app.decorate('draining', { getter: () => draining });
  app.decorate('drain', () => {
    draining = true;
  });

  app.addHook('onListen', async () => {
    limit = Math.min(maxConnections, Math.floor((openFileLimit() * 3) / 4));
    timer = setInterval(() => closeUnread(open, performance.now()), CHECK_INTERVAL_MS).unref();
  });
  app.server.on('connection', (socket: Socket) => {
    if (open.size >= limit) {
      makeRoom(open, socket);
    }
    const connection: Connection = { unanswered: new Set(), unreadSince: undefined };
    open.set(socket, connection);
    socket.once('close', () => {
      open.delete(socket);
      // Node does not report this to the replies that wait for an earlier one. Each may hold a file open.
      for (const { raw } of connection.unanswered) {
        if (raw.socket === null) {
          raw.emit('close');
        }
      }
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
    if (draining) {
      reply.header('connection', 'close');
    }
    done(null, payload);
  });
  app.addHook('onResponse', (request, reply, done) => {
    open.get(request.socket)?.unanswered.delete(reply);
    done();
  });
  app.addHook('preClose', async () => {
    draining = true;
    clearInterval(timer);
    // Until the next turn, the server reads what has arrived already. Connections that wait for a request are closed then.
    await nextTurn();
    for (const socket of open.keys()) {
      if (socket.bytesRead === 0) {
        socket.destroy();
      }
    }
    setTimeout(() => app.server.closeAllConnections(), REQUEST_GRACE_MS).unref();
  });
}

/** Closes the oldest connection that waits for a request or for the rest of one. If there is none, closes the new one. */
function makeRoom(open: ReadonlyMap<Socket, Connection>, newcomer: Socket): void {
  for (const [socket, { unanswered }] of open) {
    if (![...unanswered].some(({ request }) => request.raw.complete)) {
      socket.destroy();
      return;
    }
  }
  newcomer.destroy();
}

/** Closes the connections whose client has not read its replies in time. */
export function closeUnread(open: ReadonlyMap<Socket, Connection>, now: Milliseconds): void {
  for (const [socket, connection] of open) {
    connection.unreadSince = socket.writableLength > 0 ? (connection.unreadSince ?? now) : undefined;
    if (connection.unreadSince !== undefined && now - connection.unreadSince > READ_TIMEOUT_MS) {
      socket.destroy();
    }
  }
}

/** How many files and connections the system lets this process open. */
function openFileLimit(): number {
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files: { soft: number | 'unlimited' } } };
  return Number(userLimits?.open_files.soft) || Number.POSITIVE_INFINITY;
}
