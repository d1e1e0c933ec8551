import { clearLine, cursorTo } from 'node:readline';
import { buffer } from 'node:stream/consumers';
import { Presets, SingleBar } from 'cli-progress';
import { read } from 'read';
import { StoreUnavailable } from '../errors.ts';
import { AccountError, quote } from '../users/account-error.ts';
import { decodeUtf8 } from '../utf8.ts';
import type { Io } from './command.ts';

/** The command was called with wrong arguments or settings. The message explains which are expected. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Returns the message of an error. If a store failed, the cause is added, since the command line has no log. */
export function messageOf(error: unknown): string {
  const { message, cause } = error as Error;
  return error instanceof StoreUnavailable && cause instanceof Error ? `${message} (${cause.message})` : message;
}

/** Returns a number with a noun, in the plural if needed. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Decodes input of the operator. @throws AccountError if the bytes are not UTF-8. */
export function decodeInput(bytes: Buffer, what: string): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    throw new AccountError(`${what} is not valid UTF-8.`);
  }
}

/** Prompts twice for a new password, without echo. If standard input is not a terminal, reads all of it instead. */
export async function readNewPassword(username: string, io: Io): Promise<string> {
  if (!io.stdin.isTTY) {
    return decodeInput(await buffer(io.stdin), 'The password').replace(/\r?\n$/, '');
  }
  const password = await prompt(`New password for ${quote(username)}: `, io);
  if ((await prompt('Repeat the password: ', io)) !== password) {
    throw new UsageError('The passwords do not match.');
  }
  if (password.includes('\ufffd')) {
    // readline has replaced bytes of the terminal that are not UTF-8.
    throw new AccountError('The password is not valid UTF-8.');
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
export function showProgress(total: number | undefined, { stderr }: Io): Progress {
  const log = (line: string) => stderr.write(`${line}\n`);
  if (total === undefined || !stderr.isTTY) {
    return { advance() {}, log, stop() {} };
  }
  const bar = new SingleBar(
    { format: 'importing {bar} {percentage}% | {eta_formatted} left', hideCursor: true, stream: stderr },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  return {
    advance: (step) => bar.increment(step),
    log(line) {
      // The line replaces the bar. The next update draws the bar again below it.
      cursorTo(stderr, 0);
      clearLine(stderr, 0);
      log(line);
    },
    stop: () => bar.stop(),
  };
}

function prompt(question: string, { stdin, stderr }: Io): Promise<string> {
  return read({ prompt: question, silent: true, input: stdin, output: stderr });
}
