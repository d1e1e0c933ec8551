import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import { builtCommand } from './built-command.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { LENIENT_TIMEOUTS } from './timeouts.ts';

/** The service in a process of its own. */
export interface ServerProcess {
  readonly child: ChildProcess;
  /** The lines of its standard output so far, one JSON object each. */
  readonly log: string[];
  /** What it has written to standard error so far. */
  readonly complaints: () => string;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Resolves with the first line of the log that contains the text. Rejects if the process ends before. */
  readonly logged: (text: string) => Promise<string>;
}

/** The arguments of Node that let a child process run TypeScript, whatever its working directory. */
export const NODE_ARGUMENTS = ['--enable-source-maps', `--import=${new URL('./load-typescript.mjs', import.meta.url)}`];

/**
 * Runs a file of the service in an empty directory, so that it does not read a developer's `.env`. At the end of the
 * test the process gets SIGTERM. `passed` are file descriptors that it has from 3 on.
 */
export function run(
  t: Test,
  file: 'server.js' | 'openapi.js',
  env: Record<string, string> = {},
  nodeArgs: string[] = [],
  wrapper: string[] = [],
  passed: number[] = [],
): ServerProcess {
  const [command = '', ...args] = [...wrapper, ...builtCommand(file, nodeArgs)];
  const child = spawn(command, args, {
    cwd: temporaryDirectory(t),
    env: { ...process.env, PORT: '0', DRAIN_SECONDS: '0', ...env },
    stdio: ['pipe', 'pipe', 'pipe', ...passed],
  }) as ChildProcessWithoutNullStreams;
  const log: string[] = [];
  const errors: Buffer[] = [];
  const lines = createInterface({ input: child.stdout }).on('line', (line) => log.push(line));
  child.stderr.on('data', (chunk) => errors.push(chunk));
  const exited = once(child, 'close').then(([code, signal]) => code ?? signal);
  t.teardown(() => {
    child.kill('SIGTERM');
    return exited;
  });
  const complaints = () => Buffer.concat(errors).toString();

  const logged = async (text: string) => {
    for (;;) {
      const line = log.find((line) => line.includes(text));
      if (line !== undefined) {
        return line;
      }
      const ended = await Promise.race([once(lines, 'line').then(() => undefined), exited]);
      if (ended !== undefined && !log.some((line) => line.includes(text))) {
        throw new Error(`the process ended with ${ended}: ${complaints()}`);
      }
    }
  };
  return { child, log, complaints, exited, logged };
}

/** Starts the service on a free port, and resolves once it listens. */
export async function startServer(
  t: Test,
  env: Record<string, string> = {},
  nodeArgs: string[] = [],
): Promise<ServerProcess & { port: number }> {
  // The docs take a tenth of the time of a start.
  const server = run(t, 'server.js', { HOST: '127.0.0.1', DOCS: 'off', ...LENIENT_TIMEOUTS, ...env }, nodeArgs);
  const line = await server.logged('listening at');
  return { ...server, port: Number(/:(\d+)"/.exec(line)?.[1]) };
}

/** Sends raw bytes, and returns everything that comes back until the server closes the connection. */
export async function exchange(port: number, bytes: string, host = '127.0.0.1'): Promise<string> {
  const socket = connect(port, host);
  socket.write(bytes);
  return received(socket);
}

export async function received(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await once(socket, 'close');
  return Buffer.concat(chunks).toString();
}
