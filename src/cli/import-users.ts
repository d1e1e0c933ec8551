import { createReadStream, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import { AccountError, type Accounts } from '../users/accounts.ts';
import { objectionTo } from '../users/password-hash.ts';
import { count, say } from './output.ts';
import { type Progress, showProgress } from './progress.ts';
import { withService } from './service.ts';

/** Lines that are worked on at the same time. */
const CHUNK = 100;

interface Line {
  readonly number: number;
  readonly text: string;
}

/** What became of the lines so far. */
interface Tally {
  imported: number;
  refused: number;
  /** The last line that was worked on. */
  line: number;
}

/** Adds the users of a file. Each line stands for itself: one that is refused is told by its number. */
export async function importUsers(file: string, _options: object, command: Command): Promise<void> {
  await withService(async ({ accounts }) => {
    const input = file === '-' ? process.stdin : createReadStream(file);
    const progress = showProgress(file === '-' ? undefined : statSync(file).size);
    const tally: Tally = { imported: 0, refused: 0, line: 0 };
    // Instead of leaving without a word of what is done and what is not.
    process.once('SIGINT', () => input.destroy(new Error('Interrupted')));
    try {
      await importLines(input, accounts, tally, progress);
    } catch (error) {
      throw new Error(`${(error as Error).message}. ${soFar(tally)}`, { cause: error });
    } finally {
      progress.stop();
    }
    const { imported, refused } = tally;
    const text = `Imported ${count(imported, 'user')}; refused ${count(refused, 'line')}.`;
    say(command, { text, data: { imported, refused } });
    process.exitCode = refused > 0 ? 1 : 0;
  });
}

function soFar({ imported, refused, line }: Tally): string {
  return (
    `Stopped after line ${line}: ${count(imported, 'user')} imported and ${count(refused, 'line')} refused so far; ` +
    'the users of later lines are not there, or were being added. Import the file again: those who are there are refused.'
  );
}

async function importLines(
  input: Readable,
  accounts: Accounts,
  tally: Tally,
  progress: Progress,
): Promise<void> {
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

/** Whether there was a user in the line: it may be empty or a comment. @throws AccountError when it is refused. */
async function importLine({ text }: Line, accounts: Accounts): Promise<boolean> {
  if (/^\s*(#|$)/.test(text)) {
    return false;
  }
  const [, username, passwordHash] = /^([^:]*):(.*)$/s.exec(text.trimEnd()) ?? [];
  if (username === undefined || passwordHash === undefined) {
    throw new AccountError('There is no colon between a name and a hash.');
  }
  const objection = objectionTo(passwordHash);
  if (objection !== undefined) {
    throw new AccountError(`The hash is no use: ${objection}.`);
  }
  await accounts.addWithHash(username, passwordHash);
  return true;
}

async function* chunks(input: Readable): AsyncGenerator<Line[]> {
  let number = 0;
  let lines: Line[] = [];
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    lines.push({ number, text });
    if (lines.length === CHUNK) {
      yield lines;
      lines = [];
    }
  }
  yield lines;
}
