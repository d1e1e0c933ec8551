import type { ChildProcess } from 'node:child_process';
import { RedisClient } from '@redis/client';
import type { Test } from 'tap';
import { end, freePort, startListening } from './ports.ts';
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
  // By default the port of the cluster bus is higher by 10,000, where Linux may have given it to a connection.
  const needsBusPort = args.includes('--cluster-enabled') && !args.includes('--cluster-port');
  const busPort = needsBusPort ? ['--cluster-port', String(await freePort())] : [];
  const start = async () => {
    const fixed = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', ''];
    child = await startListening(t, port, path, [...fixed, ...busPort, ...args]);
  };
  await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    kill: () => end(child, 'SIGKILL'),
    restart: start,
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
  };
}

/** `createClient` would make a class with all commands for each server, which takes 40 to 100 ms. */
const clientFactory = RedisClient.factory({ RESP: 2 });

/** A client that is not connected yet. It does not reconnect. */
export function newOperator({ url }: { url: string }) {
  const options = { url, RESP: 2 as const, socket: { reconnectStrategy: false as const, connectTimeout: 1000 } };
  return clientFactory(options);
}

/** A client of its own, as redis-cli is. It is closed at the end of the test. */
export async function operator(t: Test, server: { url: string }) {
  const client = await newOperator(server).connect();
  t.teardown(() => client.destroy());
  return client;
}
