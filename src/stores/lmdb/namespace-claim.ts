import { randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import type { StoreLog } from '../engine.ts';

const SOCKET_NAME = /^pid-(\d+)-[\w-]+\.sock$/;

/**
 * Shows the other processes on this machine that this one has the database open, and in which PID namespace.
 *
 * LMDB identifies its readers by process id. In two PID namespaces, as in two containers, two processes can have the same
 * id. Each read of the second one then blocks for seconds.
 *
 * Each process listens on a Unix socket in the directory. The kernel refuses connections to it once the process has
 * ended, however it ended, so a stale file never prevents a start. Between two kernels this says nothing.
 */
export class NamespaceClaim {
  /** Whether another process had the database open already. */
  readonly isShared: boolean;
  readonly #server: Server;
  readonly #directory: number;

  private constructor(server: Server, directory: number, isShared: boolean) {
    this.#server = server;
    this.#directory = directory;
    this.isShared = isShared;
  }

  /**
   * Returns `undefined` on a system without PID namespaces, or if the file system has no sockets.
   * @throws Error if a process of another PID namespace has the database open.
   */
  static async take(
    path: string,
    log: Pick<StoreLog, 'warn'>,
    link = '/proc/self/ns/pid',
  ): Promise<NamespaceClaim | undefined> {
    const namespace = readNamespace(link);
    if (namespace === undefined) {
      return undefined;
    }
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const directory = openSync(path, 'r');
    let server: Server;
    try {
      server = await listen(inDirectory(directory, `pid-${namespace}-${randomUUID()}.sock`));
    } catch (err) {
      closeSync(directory);
      log.warn({ err }, 'it cannot be checked whether another container uses the store');
      return undefined;
    }
    // It listens already: of two processes that start together, at least one sees the other.
    const others = await namespacesOfOthers(directory, server.address() as string);
    const claim = new NamespaceClaim(server, directory, others.length > 0);
    if (others.some((other) => other !== namespace)) {
      await claim.release();
      throw new Error(
        'a process in another PID namespace, such as another container, has it open; ' +
          'run all processes that share the directory in one PID namespace',
      );
    }
    return claim;
  }

  async release(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
    closeSync(this.#directory);
  }
}

/** A number that the PID namespaces of one kernel do not share. */
function readNamespace(link: string): string | undefined {
  try {
    return /\d+/.exec(readlinkSync(link))?.[0];
  } catch {
    return undefined;
  }
}

/** A short path: the path of a socket has at most 107 bytes. */
function inDirectory(directory: number, name: string): string {
  return `/proc/self/fd/${directory}/${name}`;
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    // Also later: a process without free file descriptors cannot accept a connection.
    server.on('error', reject);
    // Another user of the database must be able to see whether the process lives. The directory protects the socket.
    server.listen({ path, readableAll: true, writableAll: true }, () => resolve(server.unref()));
  });
}

/** Returns the namespaces of the other processes that have the database open. Removes the sockets of processes that have ended. */
async function namespacesOfOthers(directory: number, ownSocket: string): Promise<string[]> {
  const sockets = readdirSync(inDirectory(directory, '')).flatMap((name) => {
    const namespace = SOCKET_NAME.exec(name)?.[1];
    return namespace === undefined ? [] : [{ path: inDirectory(directory, name), namespace }];
  });
  const others = sockets.filter(({ path }) => path !== ownSocket);
  const alive = await Promise.all(others.map(({ path }) => isAlive(path)));
  return others.filter((_other, index) => alive[index]).map(({ namespace }) => namespace);
}

async function isAlive(path: string): Promise<boolean> {
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = connect(path, () => resolve(undefined));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code)).on('connect', () => socket.destroy());
  });
  if (code === 'ECONNREFUSED') {
    rmSync(path, { force: true });
  }
  return code !== 'ECONNREFUSED' && code !== 'ENOENT';
}
