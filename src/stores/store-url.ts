/** Where a `STORE_URL` says that sessions and users are. */
export type StoreLocation =
  | { readonly engine: 'memory' }
  | { readonly engine: 'lmdb'; readonly path: string }
  | { readonly engine: 'redis'; readonly server: RedisServer };

/** A Redis or Valkey server, in the words of node-redis. */
export interface RedisServer {
  readonly socket:
    | { readonly path: string }
    | { readonly host: string; readonly port: number; readonly tls?: true; readonly servername?: string };
  readonly username?: string;
  readonly password?: string;
  readonly database?: number;
}

/** The forms that `parseStoreUrl` takes, for people. */
export const STORE_URL_FORMS =
  'memory:, lmdb:DIRECTORY, redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], the same with rediss:// for TLS, or ' +
  'redis+unix://[USER:PASSWORD@]/PATH[?db=DATABASE] for a Unix socket';

/** @throws TypeError if it is none of `STORE_URL_FORMS`. The message does not hold the text, which may have a password. */
export function parseStoreUrl(text: string): StoreLocation {
  try {
    return parse(text);
  } catch {
    throw new TypeError(`The URL of a store must be ${STORE_URL_FORMS}.`);
  }
}

function parse(text: string): StoreLocation {
  if (text === 'memory:') {
    return { engine: 'memory' };
  }
  if (/^lmdb:./s.test(text)) {
    return { engine: 'lmdb', path: text.slice('lmdb:'.length) };
  }
  if (/^rediss?:\/\//.test(text)) {
    return { engine: 'redis', server: parseRedisUrl(text) };
  }
  if (text.startsWith('redis+unix:')) {
    return { engine: 'redis', server: parseUnixUrl(text) };
  }
  throw new TypeError('unknown engine');
}

function parseRedisUrl(text: string): RedisServer {
  const url = new URL(text);
  const database = url.pathname.slice(1);
  if (url.hostname === '' || url.search !== '' || url.hash !== '' || !/^\d{0,5}$/.test(database)) {
    throw new TypeError('not an address of a Redis server');
  }
  return {
    socket: tcpSocket(url),
    ...login(url.username, url.password),
    ...(database && { database: Number(database) }),
  };
}

function tcpSocket({ protocol, hostname, port }: URL) {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    host,
    port: Number(port || 6379),
    // A certificate is checked against this name, and the server may choose one by it.
    ...(protocol === 'rediss:' && { tls: true as const, servername: host }),
  };
}

/** By hand: `URL` takes no user without a host. */
const UNIX_SOCKET = /^redis\+unix:\/\/(?:([^/:@]*)(?::([^/@]*))?@)?(\/[^?#]+)(?:\?db=(\d{1,5}))?$/;

function parseUnixUrl(text: string): RedisServer {
  const match = UNIX_SOCKET.exec(text);
  if (match === null) {
    throw new TypeError('not an address of a Unix socket');
  }
  const [, username = '', password = '', path = '', database] = match;
  return {
    socket: { path: decodeURIComponent(path) },
    ...login(username, password),
    ...(database && { database: Number(database) }),
  };
}

function login(username: string, password: string) {
  return {
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
  };
}
