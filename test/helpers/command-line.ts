import { spawn } from 'node:child_process';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Test } from 'tap';
import type { Io } from '../../src/cli/command.ts';
import { runCommandLine } from '../../src/cli/program.ts';
import { builtCommand } from './built-command.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { LENIENT_TIMEOUTS } from './timeouts.ts';

export const CLI = builtCommand('cli.js');

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a command in a process of its own, with `input` on its standard input. */
export async function run(
  command: readonly string[],
  env: Record<string, string>,
  input = '',
  cwd = process.cwd(),
): Promise<Ended> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { cwd, env: { ...process.env, ...env } });
  child.stdin.on('error', () => {}).end(input);
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { code, out, err };
}

/** Runs commands on a store, in this process: to start one takes half a second. */
export function commandLine(STORE_URL: string, settings: Record<string, string> = {}) {
  return async (args: string | readonly string[], input: string | Buffer = ''): Promise<Ended> => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const env = { ...process.env, ...LENIENT_TIMEOUTS, STORE_URL, ...settings };
    const io: Io = {
      env,
      stdin: Readable.from(input === '' ? [] : [Buffer.from(input)], { objectMode: false }),
      stdout,
      stderr,
    };
    await runCommandLine(typeof args === 'string' ? args.split(' ') : args, io);
    stdout.end();
    stderr.end();
    return { code: Number(io.exitCode ?? 0), out: await text(stdout), err: await text(stderr) };
  };
}

/** The `STORE_URL` of a new LMDB database. */
export const onLmdb = (t: Test) => `lmdb:${temporaryDirectory(t)}/data`;

/** Parses the lines that `--json` prints. */
export const rows = (out: string) =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
