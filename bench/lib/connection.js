import { connect } from 'node:net';

/**
 * A keep-alive HTTP connection that costs little CPU time. It sends one request at a time and knows only replies with a
 * Content-Length.
 */
export class Connection {
  #socket;
  #received = '';
  #expectedLength = 0;
  #resolve = (/** @type {string} */ _reply) => {};

  constructor(/** @type {number} */ port) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true }).setEncoding('latin1');
    this.#socket.on('data', (chunk) => this.#receive(String(chunk)));
    this.#socket.on('end', () => this.#socket.destroy(new Error('the server closed the connection')));
  }

  /** Sends a request and returns the reply, which must be a 200. */
  async exchange(/** @type {string} */ request) {
    /** @type {string} */
    const reply = await new Promise((resolve) => {
      this.#resolve = resolve;
      this.#socket.write(request, 'latin1');
    });
    if (!reply.startsWith('HTTP/1.1 200 ')) {
      throw new Error(`${request.split('\r\n', 1)[0]} replies ${reply.slice(0, 500)}`);
    }
    return reply;
  }

  #receive(/** @type {string} */ chunk) {
    this.#received += chunk;
    // A reply as long as the last one is complete: its head needs no parsing.
    if (this.#received.length === this.#expectedLength || isComplete(this.#received)) {
      const reply = this.#received;
      this.#expectedLength = reply.length;
      this.#received = '';
      this.#resolve(reply);
    }
  }
}

function isComplete(/** @type {string} */ text) {
  const end = text.indexOf('\r\n\r\n');
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, Math.max(end, 0)))?.[1];
  if (end !== -1 && length === undefined) {
    throw new Error(`a reply without Content-Length: ${text}`);
  }
  return text.length === end + 4 + Number(length);
}

/** The text of a request. `line` is its method and path. */
export function requestText(/** @type {string} */ line, { cookie = '', json = '' }) {
  const body = json && `Content-Type: application/json\r\nContent-Length: ${json.length}\r\n`;
  const noBody = line.startsWith('POST') ? 'Content-Length: 0\r\n' : '';
  return `${line} HTTP/1.1\r\nHost: 127.0.0.1\r\n${cookie && `Cookie: ${cookie}\r\n`}${body || noBody}\r\n${json}`;
}
