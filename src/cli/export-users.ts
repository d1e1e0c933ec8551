import { createWriteStream, rmSync } from 'node:fs';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { quote } from '../users/account-error.ts';
import { toExported } from '../users/exported-user.ts';
import type { CliCommand } from './command.ts';
import { withService } from './service.ts';
import { count, UsageError } from './terminal.ts';

/** Writes all users with their hashes to a new file that only this user can read, or to standard output for `-`. */
export async function exportUsers(file: string, _options: object, command: CliCommand): Promise<void> {
  const { io } = command;
  await withService(io, async ({ users }) => {
    let exported = 0;
    const unfinished: string[] = [];
    const lines = async function* () {
      for await (const user of users.list()) {
        if (user.movedTo !== undefined) {
          unfinished.push(user.username);
        } else if (user.movedFrom === undefined) {
          exported++;
          yield `${JSON.stringify(toExported(user))}\n`;
        }
      }
    };
    if (file === '-') {
      await pipeline(Readable.from(lines()), io.stdout, { end: false });
    } else {
      await writeNew(file, lines());
      const text = `Exported ${count(exported, 'user')} to ${file}.`;
      command.printResult({ text, data: { file, exported } });
    }
    for (const name of unfinished) {
      io.exitCode = 1;
      io.stderr.write(`The rename of ${quote(name)} was interrupted: the user is not exported. Repeat the rename.\n`);
    }
  });
}

/** Removes the file again if not all users could be written. @throws UsageError if it cannot be created. */
async function writeNew(file: string, lines: AsyncIterable<string>): Promise<void> {
  const stream: Writable = createWriteStream(file, { flags: 'wx', mode: 0o600 });
  try {
    await new Promise((resolve, reject) => stream.once('open', resolve).once('error', reject));
  } catch (error) {
    throw new UsageError(`The file ${quote(file)} cannot be created: ${(error as NodeJS.ErrnoException).code}.`, {
      cause: error,
    });
  }
  try {
    await pipeline(Readable.from(lines), stream);
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  }
}
