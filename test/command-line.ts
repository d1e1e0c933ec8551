import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { temporaryDirectory } from './temporary-directory.ts';

/** The command line as a command of Node: what `npm run build` made, which starts much faster than the sources. */
export const CLI = [
  process.execPath,
  ...process.execArgv.filter((argument) => !/typescript|mock/.test(argument)),
  fileURLToPath(new URL('../dist/cli.js', import.meta.url)),
];

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a command as a process of its own, with `input` on its standard input. */
export async function run(
  command: readonly string[],
  env: Record<string, string>,
  input = '',
): Promise<Ended> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { env: { ...process.env, ...env } });
  child.stdin.on('error', () => {}).end(input);
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { code, out, err };
}

/** The command line on a store. */
export function commandLine(STORE_URL: string, settings: Record<string, string> = {}) {
  return (args: string, input?: string) =>
    run([...CLI, ...args.split(' ')], { STORE_URL, ...settings }, input);
}

/** The address of a new database. */
export const onLmdb = (t: Test) => `lmdb:${temporaryDirectory(t)}/data`;

/** The lines of `--json`. */
export const rows = (out: string) =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
