import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';

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

/** Resolves once a server accepts connections on a port. Rejects after 30 seconds, and once `signal` is aborted. */
export async function accepting(port: number, signal?: AbortSignal): Promise<void> {
  for (let tries = 0; tries < 3000 && !signal?.aborted; tries++) {
    const socket = connect(port, '127.0.0.1');
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

/**
 * Ends a program, also one that is stopped, unless it has ended. Resolves once it has exited. Sends the signal again every five
 * seconds: redis-server refuses to stop while it writes its first append-only file. Kills a program that refuses for half a minute.
 */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  for (let tries = 0; child.exitCode === null && child.signalCode === null; tries++) {
    child.kill(tries < 6 ? signal : 'SIGKILL');
    child.kill('SIGCONT');
    await once(child, 'exit', { signal: AbortSignal.timeout(5000) }).catch(() => {});
  }
}

const MAX_STARTS = 5;

/**
 * Starts a program, and resolves once it listens on the port. The program ends with the test. A program that ends before
 * it listens is started again: another process of the machine may have used one of its ports for a moment.
 * @throws Error with what the program printed, after five tries.
 */
export async function startListening(
  t: Test,
  port: number,
  command: string,
  args: readonly string[],
  options: Pick<SpawnOptions, 'env'> = {},
): Promise<ChildProcess> {
  for (let starts = 1; ; starts++) {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      // Only the start is of interest. Later output is read, so that the program does not wait, and dropped.
      stream?.on('data', (chunk) => output.length < 100 && output.push(chunk));
    }
    const exit = new AbortController();
    child.once('error', (error) => output.push(Buffer.from(String(error)))).once('close', () => exit.abort());
    try {
      await accepting(port, exit.signal);
      t.teardown(() => end(child, 'SIGTERM'));
      return child;
    } catch (error) {
      await end(child, 'SIGKILL');
      const report = `${command} did not start: ${error}\n${Buffer.concat(output)}`;
      if (starts === MAX_STARTS) {
        throw new Error(report);
      }
      t.comment(report);
      await sleep(1000);
    }
  }
}
