import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

/** How long a request that has begun to arrive when the server closes has to arrive, in milliseconds. */
const LAST_CALL_MS = 5000;

/**
 * Lets a closing server end as soon as its last request is answered: those in flight are answered with
 * `Connection: close`. Else their connections would stay open, idle, for as long as a client may keep them.
 * Connections on which nothing ever came are cut, those on which a request does not come to its end a little later.
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
    setTimeout(() => app.server.closeAllConnections(), LAST_CALL_MS).unref();
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) {
      reply.header('connection', 'close');
    }
    done(null, payload);
  });
}
