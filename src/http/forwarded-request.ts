import type { IncomingHttpHeaders } from 'node:http';

/** The request that a proxy asks about. */
export interface ForwardedRequest {
  readonly method: string;
  readonly url: URL;
  /** The path as the client sent it, without the query. */
  readonly path: string;
}

/** An HTTP token (RFC 9110, section 9.1). No method in use is longer. */
const METHOD = /^[\w!#$%&'*+.^`|~-]{1,32}$/;
/** A name or an address, and a port. A name has at most 253 characters (RFC 1035). */
const HOST = /^(?=.{1,260}$)(\[[\da-f:.]+\]|[a-z\d_.-]+)(:\d{1,5})?$/i;
/** A path and a query. A header that was sent twice has a comma and a space between the values, and no URL has a space. */
const PATH_AND_QUERY = /^(\/[\x21-\x3e\x40-\x7e\x80-\xff]*)(\?[\x21-\x7e\x80-\xff]*)?$/;
const ABSOLUTE_URL = /^(https?):\/\/([^/?#]+)(\/.*)$/s;

/** Traefik reports `ws` or `wss` for a WebSocket. The page that opened it has `http` or `https`. */
const SCHEMES: ReadonlyMap<string, string> = new Map([
  ['http', 'http'],
  ['https', 'https'],
  ['ws', 'http'],
  ['wss', 'https'],
]);

/** Reads a request from `X-Original-Method` and `X-Original-URL`. Returns `undefined` if one is missing, double or malformed. */
export function originalRequest(headers: IncomingHttpHeaders): ForwardedRequest | undefined {
  const [, scheme, host, uri] = ABSOLUTE_URL.exec(text(headers['x-original-url'])) ?? [];
  return forwarded(text(headers['x-original-method']), scheme, host, uri);
}

/**
 * Reads a request from `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`. Returns `undefined` if one is missing, double or
 * malformed.
 */
export function forwardedRequest(headers: IncomingHttpHeaders): ForwardedRequest | undefined {
  return forwarded(
    text(headers['x-forwarded-method']),
    text(headers['x-forwarded-proto']),
    text(headers['x-forwarded-host']),
    text(headers['x-forwarded-uri']),
  );
}

function forwarded(method: string, scheme = '', host = '', uri = ''): ForwardedRequest | undefined {
  const protocol = SCHEMES.get(scheme);
  const [, path, query = ''] = PATH_AND_QUERY.exec(uri) ?? [];
  if (protocol === undefined || path === undefined || !METHOD.test(method) || !HOST.test(host)) {
    return undefined;
  }
  try {
    return { method, path, url: new URL(`${protocol}://${host}${encodeBytes(`${path}${query}`)}`) };
  } catch {
    return undefined;
  }
}

/** Node reads each byte of a header as one character. Browsers encode the path, but other clients may not. */
function encodeBytes(uri: string): string {
  return uri.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
}

function text(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** Whether a path has only characters that nothing encodes, and no segments that browsers or servers resolve or merge. */
export function isPlainPath(path: string): boolean {
  return /^(?!.*\/\/)\/[\w.~/-]*$/.test(path) && new URL(path, 'http://localhost').pathname === path;
}
