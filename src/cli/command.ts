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

/** One row of a list. `null` is what is not known or has not happened. */
export type Row = Readonly<Record<string, string | boolean | null>>;

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

  /**
   * Prints a list, as JSON without the header with `--json`. The header comes with the first row: if the store fails before
   * that, the error is alone.
   */
  async printList(columns: readonly string[], rows: AsyncIterable<Row>): Promise<void> {
    let header = this.#isJson ? '' : `${columns.join('\t')}\n`;
    for await (const row of rows) {
      const cells = Object.values(row).map((value) => escapeControlChars(String(value ?? '-')));
      this.#print(header + (this.#isJson ? JSON.stringify(row) : cells.join('\t')));
      header = '';
    }
    this.io.stdout.write(header);
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
