import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

/**
 * Lets a closing server end as soon as its last request is answered: those in flight are answered with
 * `Connection: close`. Else their connections would stay open, idle, for as long as a client may keep them.
 */
export const gracefulClose = fp(registerGracefulClose, { name: 'graceful-close', fastify: '5.x' });

async function registerGracefulClose(app: FastifyInstance): Promise<void> {
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) {
      reply.header('connection', 'close');
    }
    done(null, payload);
  });
}
