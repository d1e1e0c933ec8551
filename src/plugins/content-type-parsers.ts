import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import formbody from '@fastify/formbody';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { BadRequest, UnsupportedMediaType } from '../errors.ts';

/** Parses JSON and urlencoded bodies. Every other content type is answered 415. */
export const contentTypeParsers = fp(registerContentTypeParsers, { name: 'bodies', fastify: '5.x' });

async function registerContentTypeParsers(app: FastifyInstance): Promise<void> {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    // Many clients declare JSON on every request, even on a refresh or a logout without a body.
    if (body.length === 0) {
      done(null);
    } else if (isUtf8(body)) {
      parseJson(request, body.toString(), done);
    } else {
      // Otherwise two different passwords could be read as the same one (RFC 8259, section 8.1).
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

/** Whether the request has a body. The declared type of an empty body does not matter. */
function hasBody(payload: IncomingMessage): Promise<boolean> {
  return new Promise((resolve, reject) => {
    payload
      .once('data', () => resolve(true))
      .once('end', () => resolve(false))
      .once('error', reject);
  });
}
