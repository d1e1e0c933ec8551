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

/** @throws TypeError when it is none of `STORE_URL_FORMS`. */
export function parseStoreUrl(text: string): StoreLocation {
  if (text === 'memory:') {
    return { engine: 'memory' };
  }
  if (/^lmdb:./s.test(text)) {
    return { engine: 'lmdb', path: text.slice('lmdb:'.length) };
  }
  if (/^(rediss?|redis\+unix):\/\//.test(text)) {
    return { engine: 'redis', server: parseRedisUrl(new URL(text)) };
  }
  throw new TypeError('unknown engine');
}

/** The same address without its password, for logs and messages. */
export function withoutSecrets(storeUrl: string): string {
  return storeUrl.replace(/:\/\/[^/]*@/, '://***@');
}

function parseRedisUrl(url: URL): RedisServer {
  const isSocket = url.protocol === 'redis+unix:';
  const database = isSocket ? url.searchParams.get('db') : url.pathname.slice(1);
  const known = isSocket ? /^(\?db=\d+)?$/.test(url.search) : url.search === '' && url.hostname !== '';
  if (!known || url.hash !== '' || !/^\d{0,5}$/.test(database ?? '')) {
    throw new TypeError('not an address of a Redis server');
  }
  return {
    socket: isSocket ? unixSocket(url) : tcpSocket(url),
    ...(url.username && { username: decodeURIComponent(url.username) }),
    ...(url.password && { password: decodeURIComponent(url.password) }),
    ...(database && { database: Number(database) }),
  };
}

function unixSocket({ host, pathname }: URL): { path: string } {
  if (host !== '' || pathname.length < 2) {
    throw new TypeError('not the path of a socket');
  }
  return { path: decodeURIComponent(pathname) };
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
