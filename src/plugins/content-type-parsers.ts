import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { BadRequest, UnsupportedMediaType } from '../errors.ts';
import { decodeUtf8 } from '../utf8.ts';

/** Parses JSON and urlencoded bodies. Every other content type is answered 415. */
export const contentTypeParsers = fp(registerContentTypeParsers, {
  name: 'session-cookie-login/content-type-parsers',
  fastify: '5.x',
});

async function registerContentTypeParsers(app: FastifyInstance): Promise<void> {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    // Many clients declare JSON on every request, even on a refresh or a logout without a body.
    if (body.length === 0) {
      done(null);
    } else {
      withText(request, body, done, (text) => parseJson(request, text, done));
    }
  });
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    (request, body: Buffer, done) => {
      withText(request, body, done, (text) => {
        const form = parseForm(text);
        done(form === undefined ? new BadRequest() : null, form);
      });
    },
  );
  app.addContentTypeParser('*', async (_request: FastifyRequest, payload: IncomingMessage) => {
    if (await hasBody(payload)) {
      throw new UnsupportedMediaType();
    }
  });
}

/**
 * Makes the routes of this context accept a body of any type and ignore it: they need none, and `navigator.sendBeacon`
 * chooses the type itself.
 */
export function ignoreBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null));
}

type Done = (error: Error | null, body?: unknown) => void;

/** Calls `next` with the text of a body, or `done` with the error. */
function withText(request: FastifyRequest, body: Buffer, done: Done, next: (text: string) => void): void {
  const text = decode(body);
  // Compressed bodies are not supported (RFC 9110, section 8.4).
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    done(new UnsupportedMediaType());
  } else if (text === undefined) {
    done(new BadRequest());
  } else {
    next(text);
  }
}

function decode(body: Buffer): string | undefined {
  try {
    return decodeUtf8(body);
  } catch {
    return undefined;
  }
}

/**
 * Parses a form (https://url.spec.whatwg.org/#urlencoded-parsing). Returns `undefined` if the percent-encoded bytes are not
 * UTF-8: the standard replaces them. A field that appears more than once is `null`, which no schema accepts.
 */
function parseForm(text: string): object | undefined {
  try {
    // A percent sign without two digits stands for itself.
    decodeURIComponent(text.replace(/%(?![\da-f]{2})/gi, '%25'));
  } catch {
    return undefined;
  }
  const fields = new Map<string, string | null>();
  for (const [name, value] of new URLSearchParams(text)) {
    fields.set(name, fields.has(name) ? null : value);
  }
  return Object.fromEntries(fields);
}

/** Whether the request has a body. The declared type of an empty body does not matter. */
function hasBody(payload: IncomingMessage): Promise<boolean> {
  return new Promise((resolve, reject) => {
    payload
      .once('data', () => resolve(true))
      .once('end', () => resolve(false))
      .once('error', () => reject(new BadRequest()));
  });
}
