import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { AccountError, quote } from '../users/account-error.ts';
import type { Accounts } from '../users/accounts.ts';
import { type ImportedFields, parseExported } from '../users/exported-user.ts';
import { validateHash } from '../users/password-hash.ts';
import type { UserStore } from '../users/user-store.ts';
import type { CliCommand, Io } from './command.ts';
import { withService } from './service.ts';
import { count, decodeInput, messageOf, type Progress, showProgress, UsageError } from './terminal.ts';

/** The number of lines that are imported concurrently. */
const CHUNK = 100;

interface Line {
  readonly number: number;
  /** The bytes of the line, one in each character. */
  readonly bytes: string;
}

interface Input {
  readonly stream: Readable;
  /** The number of bytes, if it is known. */
  readonly size: number | undefined;
}

interface Tally {
  imported: number;
  refused: number;
  /** The number of the last line that was processed. */
  line: number;
}

/** Adds the users in a file. An invalid line is reported with its number, and the import continues. */
export async function importUsers(file: string, _options: object, command: CliCommand): Promise<void> {
  const { io } = command;
  await withService(io, async ({ accounts, users }) => {
    const { stream, size } = await openInput(file, io);
    const progress = showProgress(size, io);
    const tally: Tally = { imported: 0, refused: 0, line: 0 };
    // On Ctrl+C, stop between two chunks and report how far the import got.
    const interrupt = () => stream.destroy(new Error('Interrupted'));
    process.once('SIGINT', interrupt);
    try {
      await importLines(stream, new Importer(accounts, users), tally, progress);
    } catch (error) {
      throw new Error(`${messageOf(error)}. ${describeStop(tally)}`, { cause: error });
    } finally {
      process.off('SIGINT', interrupt);
      progress.stop();
    }
    const { imported, refused } = tally;
    const text = `Imported ${count(imported, 'user')}; refused ${count(refused, 'line')}.`;
    command.printResult({ text, data: { imported, refused } });
    if (refused > 0) {
      io.exitCode = 1;
    }
  });
}

/** Opens a file, or standard input for `-`. @throws UsageError if the file cannot be read. */
async function openInput(file: string, { stdin }: Io): Promise<Input> {
  if (file === '-') {
    return { stream: stdin, size: undefined };
  }
  try {
    const stats = await stat(file);
    if (stats.isDirectory()) {
      throw new Error('it is a directory');
    }
    const stream = createReadStream(file);
    await once(stream, 'open');
    // A pipe, such as <(command) of bash, has no size.
    return { stream, size: stats.isFile() ? stats.size : undefined };
  } catch (error) {
    // The rest of the message repeats the path: "ENOENT: no such file or directory, stat 'PATH'".
    const [reason] = messageOf(error).split(', ');
    throw new UsageError(`The file ${quote(file)} cannot be read: ${reason}.`, { cause: error });
  }
}

function describeStop({ imported, refused, line }: Tally): string {
  return (
    `Stopped after line ${line}: ${count(imported, 'user')} imported and ${count(refused, 'line')} refused so far. ` +
    `Up to ${CHUNK} later lines may have been imported. Import the file again: users that exist are refused.`
  );
}

async function importLines(input: Readable, importer: Importer, tally: Tally, progress: Progress): Promise<void> {
  for await (const lines of chunks(input)) {
    const outcomes = await Promise.allSettled(lines.map((line) => importer.add(line)));
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'rejected' && !(outcome.reason instanceof AccountError)) {
        throw outcome.reason;
      }
      const { number, bytes } = lines[index] as Line;
      tally.line = number;
      if (outcome.status === 'fulfilled') {
        tally.imported += Number(outcome.value);
      } else {
        tally.refused++;
        progress.log(`line ${number}: ${(outcome.reason as Error).message}`);
      }
      progress.advance(bytes.length + 1);
    }
  }
}

class Importer {
  readonly #accounts: Accounts;
  readonly #users: UserStore;
  #ids: Promise<Set<string>> | undefined;

  constructor(accounts: Accounts, users: UserStore) {
    this.#accounts = accounts;
    this.#users = users;
  }

  /** Returns `false` for an empty line or a comment. @throws AccountError if the line is refused. */
  async add({ bytes }: Line): Promise<boolean> {
    const text = decodeInput(Buffer.from(bytes, 'latin1'), 'The line');
    if (/^\s*(#|$)/.test(text)) {
      return false;
    }
    const { username, passwordHash, fields } = text.startsWith('{"') ? parseExported(text) : parsePair(text);
    const reason = validateHash(passwordHash);
    if (reason !== undefined) {
      throw new AccountError(`The hash cannot be used: ${reason}.`);
    }
    if (fields.id !== undefined) {
      await this.#assertNewId(fields.id, username);
    }
    await this.#accounts.addWithHash(username, passwordHash, fields);
    return true;
  }

  /** Two users with one id would share their sessions. */
  async #assertNewId(id: string, username: string): Promise<void> {
    this.#ids ??= this.#readIds();
    const ids = await this.#ids;
    if (ids.has(id)) {
      throw new AccountError(`The user ${quote(username)}, or another one with the same id, already exists.`);
    }
    ids.add(id);
  }

  async #readIds(): Promise<Set<string>> {
    const ids = new Set<string>();
    for await (const { id } of this.#users.list()) {
      ids.add(id);
    }
    return ids;
  }
}

/** Parses `NAME:HASH`. @throws AccountError */
function parsePair(text: string): { username: string; passwordHash: string; fields: ImportedFields } {
  const [, username, passwordHash] = /^([^:]*):(.*)$/s.exec(text.trimEnd()) ?? [];
  if (username === undefined || passwordHash === undefined) {
    throw new AccountError('The line has no colon. Expected NAME:HASH.');
  }
  return { username, passwordHash, fields: {} };
}

async function* chunks(input: Readable): AsyncGenerator<Line[]> {
  let number = 0;
  let lines: Line[] = [];
  // latin1 keeps the bytes as they are. As UTF-8, readline would replace invalid bytes by U+FFFD.
  input.setEncoding('latin1');
  for await (const bytes of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    lines.push({ number: ++number, bytes });
    if (lines.length === CHUNK) {
      yield lines;
      lines = [];
    }
  }
  yield lines;
}
