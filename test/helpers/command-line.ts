import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { Test } from 'tap';
import { builtCommand } from './built-command.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export const CLI = builtCommand('cli.js');

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a command in a process of its own, with `input` on its standard input. */
export async function run(command: readonly string[], env: Record<string, string>, input = ''): Promise<Ended> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { env: { ...process.env, ...env } });
  child.stdin.on('error', () => {}).end(input);
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { code, out, err };
}

/** Runs commands on a store. */
export function commandLine(STORE_URL: string, settings: Record<string, string> = {}) {
  return (args: string, input?: string) => run([...CLI, ...args.split(' ')], { STORE_URL, ...settings }, input);
}

/** The `STORE_URL` of a new LMDB database. */
export const onLmdb = (t: Test) => `lmdb:${temporaryDirectory(t)}/data`;

/** Parses the lines that `--json` prints. */
export const rows = (out: string) =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
