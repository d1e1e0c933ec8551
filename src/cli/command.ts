import type { Readable, Writable } from 'node:stream';
import { Command, InvalidArgumentError } from 'commander';
import { escapeControlChars } from '../escape.ts';

/** What the command line uses of the process. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable;
  readonly stderr: Writable & { readonly isTTY?: boolean };
  exitCode?: number | string | null | undefined;
}

/** The result of a command: a sentence for people, an object for scripts. */
export interface Result {
  readonly text: string;
  readonly data: object;
}

/** A command of commander that knows its streams and prints results. */
export class CliCommand extends Command {
  readonly io: Io;

  constructor(name: string | undefined, io: Io) {
    super(name);
    this.io = io;
  }

  /** Commander creates the subcommands with this method. */
  override createCommand(name?: string): CliCommand {
    return new CliCommand(name, this.io);
  }

  /** Prints the result, as JSON with `--json`. */
  printResult({ text, data }: Result): void {
    this.#print(this.#isJson ? JSON.stringify(data) : text);
  }

  /** Prints one row of a list, as JSON with `--json`. `null` is what is not known or has not happened. */
  printRow(row: Readonly<Record<string, string | boolean | null>>): void {
    const cells = Object.values(row).map((value) => escapeControlChars(String(value ?? '-')));
    this.#print(this.#isJson ? JSON.stringify(row) : cells.join('\t'));
  }

  /** Prints the header of a list, except with `--json`. */
  printHeader(names: readonly string[]): void {
    if (!this.#isJson) {
      this.#print(names.join('\t'));
    }
  }

  get #isJson(): boolean {
    return this.optsWithGlobals().json === true;
  }

  #print(line: string): void {
    this.io.stdout.write(`${line}\n`);
  }
}

/** Parses an argument, or the value of an option, that must not be empty and must not be given twice. */
export function parseText(value: string, previous?: string): string {
  if (value === '') {
    throw new InvalidArgumentError('It must not be empty.');
  }
  if (previous !== undefined) {
    throw new InvalidArgumentError('It was given twice.');
  }
  return value;
}
