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
    const response = new ServerResponse(request);
    response.assignSocket(/** @type {any} */ (new Nowhere()));
    response.on('finish', () => resolve(response.statusCode));
    app.routing(request, response);
  });
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
