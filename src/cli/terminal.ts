import { clearLine, cursorTo } from 'node:readline';
import { text } from 'node:stream/consumers';
import { Presets, SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import { read } from 'read';
import { StoreUnavailable } from '../errors.ts';
import { escapeControlChars } from '../escape.ts';
import type { Milliseconds } from '../types.ts';
import { quote } from '../users/accounts.ts';

/** The command was called with wrong arguments or settings. The message explains which are expected. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The result of a command: a sentence for people, an object for scripts. */
export interface Result {
  readonly text: string;
  readonly data: object;
}

/** Prints the result of a command, as JSON with `--json`. */
export function printResult(command: Command, { text, data }: Result): void {
  console.log(isJson(command) ? JSON.stringify(data) : text);
}

/** Prints one row of a list, as JSON with `--json`. */
export function printRow(command: Command, row: Readonly<Record<string, string | boolean>>): void {
  const cells = Object.values(row).map((value) => escapeControlChars(String(value)));
  console.log(isJson(command) ? JSON.stringify(row) : cells.join('\t'));
}

/** Prints the header of a list, except with `--json`. */
export function printHeader(command: Command, names: readonly string[]): void {
  if (!isJson(command)) {
    console.log(names.join('\t'));
  }
}

/** Returns the message of an error. If a store failed, the cause is added, since the command line has no log. */
export function messageOf(error: unknown): string {
  const { message, cause } = error as Error;
  return error instanceof StoreUnavailable && cause instanceof Error ? `${message} (${cause.message})` : message;
}

export function iso(time: Milliseconds): string {
  return new Date(time).toISOString();
}

/** Returns a number with a noun, in the plural if needed. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Prompts twice for a new password, without echo. If standard input is not a terminal, reads all of it instead. */
export async function readNewPassword(username: string): Promise<string> {
  if (!process.stdin.isTTY) {
    return (await text(process.stdin)).replace(/\r?\n$/, '');
  }
  const password = await prompt(`New password for ${quote(username)}: `);
  if ((await prompt('Repeat the password: ')) !== password) {
    throw new UsageError('The passwords do not match.');
  }
  return password;
}

export interface Progress {
  advance(step: number): void;
  /** Prints a line to standard error, above the progress bar. */
  log(line: string): void;
  stop(): void;
}

/** Shows a progress bar if standard error is a terminal and the total is known. */
export function showProgress(total: number | undefined): Progress {
  if (total === undefined || !process.stderr.isTTY) {
    return { advance() {}, log: (line) => console.error(line), stop() {} };
  }
  const bar = new SingleBar(
    { format: 'importing {bar} {percentage}% | {eta_formatted} left', hideCursor: true },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  return {
    advance: (step) => bar.increment(step),
    log(line) {
      // The line replaces the bar. The next update draws the bar again below it.
      cursorTo(process.stderr, 0);
      clearLine(process.stderr, 0);
      console.error(line);
    },
    stop: () => bar.stop(),
  };
}

function prompt(question: string): Promise<string> {
  return read({ prompt: question, silent: true, output: process.stderr });
}

function isJson(command: Command): boolean {
  return command.optsWithGlobals().json === true;
}
