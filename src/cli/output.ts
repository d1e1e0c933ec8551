import type { Command } from 'commander';
import { printable } from '../printable.ts';
import type { Milliseconds } from '../sessions/record.ts';

/** What a command has to say: a sentence for people, an object for scripts. */
export interface Outcome {
  readonly text: string;
  readonly data: object;
}

/** Writes the outcome of a command, in the form that its caller asked for. */
export function say(command: Command, { text, data }: Outcome): void {
  console.log(isForScripts(command) ? JSON.stringify(data) : text);
}

/** Writes a row of a list as it comes. */
export function sayRow(command: Command, row: Readonly<Record<string, string | boolean>>): void {
  console.log(isForScripts(command) ? JSON.stringify(row) : Object.values(row).map(cell).join('\t'));
}

/** Writes what stands above the rows, for people only. */
export function sayHeader(command: Command, names: readonly string[]): void {
  if (!isForScripts(command)) {
    console.log(names.join('\t'));
  }
}

export function iso(time: Milliseconds): string {
  return new Date(time).toISOString();
}

/** A number of things, in words. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function cell(value: string | boolean): string {
  return printable(String(value));
}

function isForScripts(command: Command): boolean {
  return command.optsWithGlobals().json === true;
}
