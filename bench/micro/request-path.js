import { IncomingMessage, ServerResponse } from 'node:http';
import { Writable } from 'node:stream';

/**
 * Calls an app with a request as Node's HTTP server would, without a socket: what is left is the router, the hooks,
 * the handler and the reply with its head.
 * @param {import('fastify').FastifyInstance} app
 * @param {string} cookie
 * @returns {Promise<number>} The status.
 */
export function answer(app, cookie) {
  return new Promise((resolve) => {
    const request = new IncomingMessage(/** @type {any} */ (PEER));
    request.method = 'GET';
    request.url = '/welcome';
    request.httpVersionMajor = 1;
    request.httpVersionMinor = 1;
    request.headers = { host: '127.0.0.1', cookie };
    app.routing(request, respond(request, resolve));
  });
}

/**
 * Writes a reply as Fastify does in the end: its head with these headers, and its text, without a socket.
 * @param {Record<string, string>} headers
 * @param {string} text
 * @returns {Promise<number>} The status.
 */
export function reply(headers, text) {
  return new Promise((resolve) => {
    const response = respond(new IncomingMessage(/** @type {any} */ (PEER)), resolve);
    response.writeHead(200, headers);
    response.end(text);
  });
}

/**
 * @param {IncomingMessage} request
 * @param {(status: number) => void} done
 */
function respond(request, done) {
  const response = new ServerResponse(request);
  response.assignSocket(/** @type {any} */ (new Nowhere()));
  response.on('finish', () => done(response.statusCode));
  return response;
}

const PEER = { remoteAddress: '127.0.0.1', remotePort: 40000, encrypted: false };

class Nowhere extends Writable {
  /**
   * @param {unknown} _chunk
   * @param {string} _encoding
   * @param {() => void} done
   */
  _write(_chunk, _encoding, done) {
    done();
  }
}
