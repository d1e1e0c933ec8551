import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { PATIENT } from './patience.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** The service as its own process. Waiting for it is waiting for real: for its log, its answers and its end. */
export interface ServerProcess {
  readonly child: ChildProcess;
  /** Lines of its standard output so far, one JSON object each. */
  readonly log: string[];
  /** Everything it wrote to standard error so far. */
  readonly complaints: () => string;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Resolves once a line of the log holds the text; rejects if the process ends before. */
  readonly logged: (text: string) => Promise<string>;
}

/**
 * Runs a file of `src` in an empty directory, so that no `.env` of a developer has a say. At the end of the test it
 * is asked to stop, as an operator would.
 */
export function run(
  t: Test,
  file: string,
  env: Record<string, string> = {},
  nodeArgs: string[] = [],
): ServerProcess {
  const path = fileURLToPath(new URL(`../src/${file}`, import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, ...nodeArgs, path], {
    cwd: temporaryDirectory(t),
    env: { ...process.env, PORT: '0', ...env },
  });
  const log: string[] = [];
  const errors: Buffer[] = [];
  let partial = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (partial + chunk).split('\n');
    partial = lines.pop() ?? '';
    log.push(...lines);
  });
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
      if (child.exitCode !== null) {
        throw new Error(`the process ended with ${child.exitCode}: ${complaints()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  return { child, log, complaints, exited, logged };
}

/** Starts the server on a free port and answers with it once it listens. */
export async function startServer(
  t: Test,
  env: Record<string, string> = {},
): Promise<ServerProcess & { port: number }> {
  const server = run(t, 'server.ts', { HOST: '127.0.0.1', ...PATIENT, ...env });
  const line = await server.logged('listening at');
  return { ...server, port: Number(/:(\d+)"/.exec(line)?.[1]) };
}

/** Sends raw bytes and answers with everything that comes back until the server closes the connection. */
export async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes);
  return received(socket);
}

export async function received(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await once(socket, 'close');
  return Buffer.concat(chunks).toString();
}
