import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { chmodSync, existsSync, fstatSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { FastifyInstance, FastifyListenOptions } from 'fastify';
import type { Config } from './config.ts';
import { ConfigError } from './config-files.ts';

/** The first file descriptor that systemd passes (sd_listen_fds(3)). */
const FIRST_PASSED = 3;
/** The system would cut off a longer one (unix(7)). */
const MAX_PATH_BYTES = 107;

/**
 * Listens where `LISTEN`, `HOST` and `PORT` say.
 * @throws ConfigError if that is not possible.
 */
export async function listen(
  app: FastifyInstance,
  config: Config,
  env: Readonly<NodeJS.Dict<string>> = process.env,
  addressesOf = localAddresses,
): Promise<void> {
  const { LISTEN } = config;
  if (LISTEN === 'tcp') {
    await listenOnPort(app, config, addressesOf);
    return;
  }
  if (LISTEN === 'systemd') {
    await listenOnPassed(app, env);
  } else {
    await listenOnPath(app, LISTEN.slice('unix:'.length));
  }
}

/**
 * Listens on `HOST` and `PORT`; for `localhost` on all its addresses. Fastify itself would start a second HTTP server for
 * them, which has none of our limits and handlers.
 */
async function listenOnPort(
  app: FastifyInstance,
  { HOST, PORT }: Config,
  addressesOf: typeof localAddresses,
): Promise<void> {
  const [host = HOST, ...others] = await addressesOf(HOST);
  await start(app, { host, port: PORT }, (code) =>
    code === 'EADDRINUSE'
      ? `Port ${PORT} on ${HOST} is in use by another program. Stop that program, or set PORT.`
      : `HOST is "${HOST}" and PORT is ${PORT}: this machine cannot listen there (${code}). Example: HOST=localhost`,
  );
  for (const other of others) {
    await app.listenAlso(other).then(
      () => app.log.info({ address: other }, 'listening on this address of localhost as well'),
      (err) => app.log.warn({ err }, 'cannot listen on another address of localhost'),
    );
  }
}

/** The owner and the group may connect: a proxy is another user. A socket that a killed process left behind is replaced. */
async function listenOnPath(app: FastifyInstance, path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new ConfigError(`LISTEN is "unix:${path}": the path of a socket has at most ${MAX_PATH_BYTES} bytes.`);
  }
  // The dot fails if it is a file.
  if (!existsSync(`${dirname(path)}/.`)) {
    throw new ConfigError(`LISTEN is "unix:${path}": the directory ${dirname(path)} does not exist.`);
  }
  const existing = statSync(path, { throwIfNoEntry: false });
  if (existing && !existing.isSocket()) {
    throw new ConfigError(`LISTEN is "unix:${path}": the path exists and is not a socket. Set another path.`);
  }
  if (existing && (await isStale(path))) {
    rmSync(path, { force: true });
  }
  await start(app, { path }, (code) =>
    code === 'EADDRINUSE'
      ? `LISTEN is "unix:${path}": another program uses the path. Stop that program, or set another path.`
      : `LISTEN is "unix:${path}": this machine cannot listen there (${code}). Example: LISTEN=unix:/run/login/login.sock`,
  );
  chmodSync(path, 0o660);
}

/** Whether no process listens on a socket. */
async function isStale(path: string): Promise<boolean> {
  const socket = connect(path);
  const code = await once(socket, 'connect').then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
  socket.destroy();
  return code === 'ECONNREFUSED';
}

/** Listens on the socket that systemd opened. It stays open during a restart, and connections wait in it. */
async function listenOnPassed(
  app: FastifyInstance,
  { LISTEN_PID, LISTEN_FDS }: Readonly<NodeJS.Dict<string>>,
): Promise<void> {
  if (Number(LISTEN_PID) !== process.pid || LISTEN_FDS !== '1') {
    throw new ConfigError(
      'LISTEN is "systemd": systemd has not passed exactly one socket to this process. ' +
        'It needs a .socket unit with one ListenStream=, and must start node itself, not npm.',
    );
  }
  if (isUnixSocket(FIRST_PASSED)) {
    // Fastify needs an address to log.
    throw new ConfigError(
      'LISTEN is "systemd": the socket is a Unix socket. Set ListenStream= to a port, or LISTEN to unix: and a path.',
    );
  }
  // Without a host Fastify would look localhost up, and open a socket for each address.
  const passed = { fd: FIRST_PASSED, host: '127.0.0.1' } as FastifyListenOptions;
  await start(app, passed, (code) => `LISTEN is "systemd": the socket cannot be used (${code}).`);
}

/** Linux lists the Unix sockets of the machine by their inodes (unix(7), proc(5)). */
function isUnixSocket(descriptor: number): boolean {
  const { ino } = fstatSync(descriptor);
  return new RegExp(` ${ino}( |$)`, 'm').test(readFileSync('/proc/net/unix', 'utf8'));
}

async function start(
  app: FastifyInstance,
  options: FastifyListenOptions,
  describe: (code: string | undefined) => string,
): Promise<void> {
  try {
    await app.listen(options);
  } catch (error) {
    throw new ConfigError(describe((error as NodeJS.ErrnoException).code), { cause: error });
  }
}

/** The addresses of `localhost`, IPv4 first: IPv6 may have an address but be disabled. Empty for any other name. */
async function localAddresses(host: string): Promise<string[]> {
  return host === 'localhost'
    ? (await lookup(host, { all: true, order: 'ipv4first' })).map(({ address }) => address)
    : [];
}
