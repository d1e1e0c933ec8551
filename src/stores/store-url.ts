import { isIP } from 'node:net';

/** Where a `STORE_URL` says that sessions and users are. */
export type StoreLocation =
  | { readonly engine: 'memory' }
  | { readonly engine: 'lmdb'; readonly path: string }
  | { readonly engine: 'redis'; readonly server: RedisServer | RedisGroup };

/** How to sign in to a Redis or Valkey server, in the words of node-redis. */
export interface RedisLogin {
  readonly username?: string;
  readonly password?: string;
}

/** The address of a Redis or Valkey server, in the words of node-redis. */
export interface TcpSocket {
  readonly host: string;
  readonly port: number;
  readonly tls?: true;
  readonly servername?: string;
}

/** A Redis or Valkey server, in the words of node-redis. */
export interface RedisServer extends RedisLogin {
  readonly socket: { readonly path: string } | TcpSocket;
  readonly database?: number;
}

/** Servers one of which is the primary. The members know which one it is. */
export interface RedisGroup {
  readonly kind: 'sentinel' | 'cluster';
  /** The Sentinels, or nodes of the cluster. */
  readonly members: readonly (RedisServer & { readonly socket: TcpSocket })[];
  /** The name under which the Sentinels know the primary. Unused in a cluster. */
  readonly name: string;
  /** The primary without its address. */
  readonly primary: RedisLogin & { readonly database?: number; readonly tls: boolean };
}

/** The forms that `parseStoreUrl` takes, for people. */
export const STORE_URL_FORMS =
  'memory:, lmdb:DIRECTORY, redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], ' +
  'redis+sentinel://[USER:PASSWORD@]HOST[:PORT],…/NAME[?db=DATABASE][&sentinelUsername=USER][&sentinelPassword=PASSWORD], ' +
  'redis+cluster://[USER:PASSWORD@]HOST[:PORT],…, ' +
  'these three with each HOST:PORT once and with rediss in place of redis for TLS, or ' +
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
  return { engine: 'redis', server: parseGroupUrl(text) };
}

function parseRedisUrl(text: string): RedisServer {
  const url = new URL(text);
  const database = url.pathname.slice(1);
  if (url.hostname === '' || url.search !== '' || url.hash !== '' || !/^\d{0,5}$/.test(database)) {
    throw new TypeError('not an address of a Redis server');
  }
  return {
    socket: socketOf(url, url.protocol === 'rediss:', 6379),
    ...login(url.username, url.password),
    ...(database && { database: Number(database) }),
  };
}

function socketOf({ hostname, port }: URL, tls: boolean, defaultPort: number): TcpSocket {
  return tcpSocket(hostname.replace(/^\[(.*)\]$/, '$1'), Number(port || defaultPort), tls);
}

/** A certificate is checked against the host. The server may choose one by the `servername`, which is no address (RFC 6066). */
export function tcpSocket(host: string, port: number, tls: boolean): TcpSocket {
  return { host, port, ...(tls && { tls, ...(isIP(host) === 0 && { servername: host }) }) };
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

/** By hand: `URL` takes one host only. */
const GROUP =
  /^redis(s?)\+(sentinel|cluster):\/\/(?:([^/:@]*)(?::([^/@]*))?@)?([^/?#@]+)(?:\/([^/?#]*))?(?:\?([^#]+))?$/;

function parseGroupUrl(text: string): RedisGroup {
  const match = GROUP.exec(text);
  if (match === null) {
    throw new TypeError('not the addresses of Sentinels or of a cluster');
  }
  const [, s, kind, username = '', password = '', hosts = '', name = '', query] = match;
  const options = { tls: s !== '', ...login(username, password) };
  const isCluster = kind === 'cluster';
  if (isCluster ? name !== '' || query !== undefined : name === '') {
    throw new TypeError('Sentinels need the name of a primary; a cluster has no name and no databases');
  }
  return isCluster ? clusterOf(hosts, options) : sentinelsOf(hosts, decodeURIComponent(name), options, query);
}

type GroupOptions = RedisLogin & { readonly tls: boolean };

function clusterOf(hosts: string, primary: GroupOptions): RedisGroup {
  const { tls, ...account } = primary;
  return { kind: 'cluster', members: membersOf(hosts, tls, 6379, account), name: '', primary };
}

/** The Sentinels have a password of their own, or none. */
function sentinelsOf(hosts: string, name: string, primary: GroupOptions, query = ''): RedisGroup {
  const { db = '', sentinelUsername, sentinelPassword, ...unknown } = Object.fromEntries(new URLSearchParams(query));
  if (!/^\d{0,5}$/.test(db) || Object.keys(unknown).length > 0) {
    throw new TypeError('not a parameter of Sentinels');
  }
  const account = {
    ...(sentinelUsername && { username: sentinelUsername }),
    ...(sentinelPassword && { password: sentinelPassword }),
  };
  const members = membersOf(hosts, primary.tls, 26_379, account);
  return { kind: 'sentinel', members, name, primary: { ...primary, ...(db && { database: Number(db) }) } };
}

function membersOf(hosts: string, tls: boolean, defaultPort: number, account: RedisLogin): RedisGroup['members'] {
  const sockets = hosts.split(',').map((host) => {
    const url = new URL(`redis://${host.toLowerCase()}`);
    if (url.host === '') {
      throw new TypeError('not a host');
    }
    return socketOf(url, tls, defaultPort);
  });
  // The answers of a Sentinel would count twice.
  if (new Set(sockets.map(({ host, port }) => `${host} ${port}`)).size < sockets.length) {
    throw new TypeError('a member is listed twice');
  }
  return sockets.map((socket) => ({ socket, ...account }));
}

function login(username: string, password: string): RedisLogin {
  return {
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
  };
}
