import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

/** How long a request that has started to arrive when the server closes may take to arrive, in milliseconds. */
const REQUEST_GRACE_MS = 5000;

/**
 * Lets a closing server end after its last reply. Requests in flight are answered with `Connection: close`; otherwise their
 * connections would stay open and idle. Connections without any request are closed at once, those with an incomplete
 * request after a grace period.
 */
export const gracefulClose = fp(registerGracefulClose, { name: 'graceful-close', fastify: '5.x' });

async function registerGracefulClose(app: FastifyInstance): Promise<void> {
  let closing = false;
  const connections = new Set<Socket>();
  app.server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  app.addHook('preClose', async () => {
    closing = true;
    for (const socket of connections) {
      if (socket.bytesRead === 0) {
        socket.destroy();
      }
    }
    setTimeout(() => app.server.closeAllConnections(), REQUEST_GRACE_MS).unref();
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) {
      reply.header('connection', 'close');
    }
    done(null, payload);
  });
}
