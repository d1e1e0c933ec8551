import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectSocket, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@redis/client';
import type { Test } from 'tap';
import { program } from './programs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** A redis-server process of its own for a test. */
export interface RedisProcess {
  readonly port: number;
  readonly url: string;
  /** Kills the process with SIGKILL, and resolves once it has exited. */
  readonly kill: () => Promise<void>;
  /** Starts it again on the same port, with the data on its disk. */
  readonly restart: () => Promise<void>;
  /** Stops the process with SIGSTOP: it keeps its connections and does not answer. */
  readonly freeze: () => void;
  readonly thaw: () => void;
}

/**
 * The settings that the README recommends. Redis writes each change to the file before it replies, so that a kill loses none.
 * With fsync every second, the default, it delays the write while the disk is busy.
 */
const GOOD = ['--appendonly', 'yes', '--appendfsync', 'no', '--maxmemory-policy', 'noeviction'];

/** Starts a server on a free loopback port. Skips the test if redis-server is not installed. */
export async function startRedis(t: Test, args: readonly string[] = GOOD): Promise<RedisProcess | undefined> {
  const path = program(t, 'redis-server');
  if (path === undefined) {
    return undefined;
  }
  const dir = temporaryDirectory(t);
  const port = await freePort();
  let child: ChildProcess;
  const start = async () => {
    const fixed = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', ''];
    child = spawn(path, [...fixed, ...args], { stdio: 'ignore' });
    await accepting(port);
  };
  const kill = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  };
  await start();
  t.teardown(kill);
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    kill,
    restart: start,
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
  };
}

/** A client of its own, as redis-cli is. It is closed at the end of the test. */
export async function operator(t: Test, { url }: { url: string }) {
  const client = await createClient({ url }).connect();
  t.teardown(() => client.destroy());
  return client;
}

/**
 * Returns a port that nothing listens on. It is below those that Linux gives to connections (32,768 and higher): one of these could
 * be in use again before the server starts that the port is for.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_768);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (isFree) {
      server.close();
      await once(server, 'close');
      return port;
    }
  }
}

/** Resolves once a server accepts connections on a port. */
export async function accepting(port: number): Promise<void> {
  for (let tries = 0; tries < 3000; tries++) {
    const socket = connectSocket(port, '127.0.0.1');
    const accepted = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (accepted) {
      return;
    }
    await sleep(10);
  }
  throw new Error(`nothing listens on port ${port}`);
}
