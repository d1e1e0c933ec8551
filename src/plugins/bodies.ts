import formbody from '@fastify/formbody';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

/** The bodies the service reads: JSON and urlencoded forms. Every other content type is answered 415. */
export const bodies = fp(registerBodies, { name: 'bodies', fastify: '5.x' });

async function registerBodies(app: FastifyInstance): Promise<void> {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body: string, done) => {
    // Many clients declare JSON on every request, also on a refresh or a logout that has no body.
    if (body === '') {
      done(null);
    } else {
      parseJson(request, body, done);
    }
  });
  await app.register(formbody);
}
