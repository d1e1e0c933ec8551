import { connect } from 'node:net';

/**
 * One kept-alive connection of a client that costs little: it knows just enough HTTP to tell a whole reply from a part
 * of one, and takes a reply that is as long as the one before for another of the same kind.
 */
export class Connection {
  #socket;
  #partial = '';
  #expectedLength = 0;
  /** @type {((reply: string) => void) | undefined} */
  #settle;
  /** @type {((error: Error) => void) | undefined} */
  #fail;

  /** @param {number} port */
  constructor(port) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (chunk) => this.#take(String(chunk)));
    this.#socket.on('error', (error) => this.#break(error));
    this.#socket.on('close', () => this.#break(new Error('the server closed the connection')));
  }

  /**
   * Sends one request; `settle` gets the whole reply.
   * @param {string} request
   * @param {(reply: string) => void} settle
   * @param {(error: Error) => void} fail
   */
  send(request, settle, fail) {
    this.#settle = settle;
    this.#fail = fail;
    this.#socket.write(request, 'latin1');
  }

  close() {
    this.#fail = undefined;
    this.#socket.destroy();
  }

  /** @param {string} chunk */
  #take(chunk) {
    const text = this.#partial === '' ? chunk : this.#partial + chunk;
    if (text.length !== this.#expectedLength && !isWhole(text)) {
      this.#partial = text;
      return;
    }
    this.#expectedLength = text.length;
    this.#partial = '';
    this.#settle?.(text);
  }

  /** @param {Error} error */
  #break(error) {
    const fail = this.#fail;
    this.#fail = undefined;
    fail?.(error);
  }
}

/** @param {string} text */
function isWhole(text) {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) {
    return false;
  }
  const head = text.slice(0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    return text.length === end + 4 + Number(length);
  }
  return /\r\ntransfer-encoding: *chunked/i.test(head) && text.endsWith('\r\n0\r\n\r\n');
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Record<string, string>} headers
 * @param {string} body
 */
export function requestText(method, path, headers = {}, body = '') {
  const all = { Host: '127.0.0.1', ...headers, ...(method === 'POST' && { 'Content-Length': body.length }) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}
