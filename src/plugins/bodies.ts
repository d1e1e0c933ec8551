import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import formbody from '@fastify/formbody';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { BadRequest, UnsupportedMediaType } from '../errors.ts';

/** The bodies the service reads: JSON and urlencoded forms. Every other content type is answered 415. */
export const bodies = fp(registerBodies, { name: 'bodies', fastify: '5.x' });

async function registerBodies(app: FastifyInstance): Promise<void> {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    // Many clients declare JSON on every request, also on a refresh or a logout that has no body.
    if (body.length === 0) {
      done(null);
    } else if (isUtf8(body)) {
      parseJson(request, body.toString(), done);
    } else {
      // Else two passwords that differ could be read as one (RFC 8259, section 8.1).
      done(new BadRequest());
    }
  });
  await app.register(formbody);
  app.addContentTypeParser('*', async (_request: FastifyRequest, payload: IncomingMessage) => {
    if (await hasBody(payload)) {
      throw new UnsupportedMediaType();
    }
  });
}

/** Whether anything comes. What it is declared to be does not matter as long as nothing does. */
function hasBody(payload: IncomingMessage): Promise<boolean> {
  return new Promise((resolve, reject) => {
    payload
      .once('data', () => resolve(true))
      .once('end', () => resolve(false))
      .once('error', reject);
  });
}
