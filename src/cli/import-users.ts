import { createReadStream, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import { AccountError, type Accounts } from '../users/accounts.ts';
import { validateHash } from '../users/password-hash.ts';
import { withService } from './service.ts';
import { count, messageOf, type Progress, printResult, showProgress } from './terminal.ts';

/** The number of lines that are imported concurrently. */
const CHUNK = 100;

interface Line {
  readonly number: number;
  readonly text: string;
}

interface Tally {
  imported: number;
  refused: number;
  /** The number of the last line that was processed. */
  line: number;
}

/** Adds the users in a file. An invalid line is reported with its number, and the import continues. */
export async function importUsers(file: string, _options: object, command: Command): Promise<void> {
  await withService(async ({ accounts }) => {
    const input = file === '-' ? process.stdin : createReadStream(file);
    const progress = showProgress(file === '-' ? undefined : statSync(file).size);
    const tally: Tally = { imported: 0, refused: 0, line: 0 };
    // On Ctrl+C, stop between two chunks and report how far the import got.
    process.once('SIGINT', () => input.destroy(new Error('Interrupted')));
    try {
      await importLines(input, accounts, tally, progress);
    } catch (error) {
      throw new Error(`${messageOf(error)}. ${describeStop(tally)}`, { cause: error });
    } finally {
      progress.stop();
    }
    const { imported, refused } = tally;
    const text = `Imported ${count(imported, 'user')}; refused ${count(refused, 'line')}.`;
    printResult(command, { text, data: { imported, refused } });
    process.exitCode = refused > 0 ? 1 : 0;
  });
}

function describeStop({ imported, refused, line }: Tally): string {
  return (
    `Stopped after line ${line}: ${count(imported, 'user')} imported and ${count(refused, 'line')} refused so far. ` +
    `Up to ${CHUNK} later lines may have been imported. Import the file again: users that exist are refused.`
  );
}

async function importLines(input: Readable, accounts: Accounts, tally: Tally, progress: Progress): Promise<void> {
  for await (const lines of chunks(input)) {
    const outcomes = await Promise.allSettled(lines.map((line) => importLine(line, accounts)));
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'rejected' && !(outcome.reason instanceof AccountError)) {
        throw outcome.reason;
      }
      const { number, text } = lines[index] as Line;
      tally.line = number;
      if (outcome.status === 'fulfilled') {
        tally.imported += Number(outcome.value);
      } else {
        tally.refused++;
        progress.log(`line ${number}: ${(outcome.reason as Error).message}`);
      }
      progress.advance(Buffer.byteLength(text) + 1);
    }
  }
}

/** Returns `false` for an empty line or a comment. @throws AccountError if the line is refused. */
async function importLine({ text }: Line, accounts: Accounts): Promise<boolean> {
  if (/^\s*(#|$)/.test(text)) {
    return false;
  }
  const [, username, passwordHash] = /^([^:]*):(.*)$/s.exec(text.trimEnd()) ?? [];
  if (username === undefined || passwordHash === undefined) {
    throw new AccountError('The line has no colon. Expected NAME:HASH.');
  }
  const reason = validateHash(passwordHash);
  if (reason !== undefined) {
    throw new AccountError(`The hash cannot be used: ${reason}.`);
  }
  await accounts.addWithHash(username, passwordHash);
  return true;
}

async function* chunks(input: Readable): AsyncGenerator<Line[]> {
  let number = 0;
  let lines: Line[] = [];
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    lines.push({ number: ++number, text });
    if (lines.length === CHUNK) {
      yield lines;
      lines = [];
    }
  }
  yield lines;
}
