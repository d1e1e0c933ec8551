import { fork } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Milliseconds } from '../../types.ts';
import type { StoreLog } from '../engine.ts';
import { assertWhole } from './data-file.ts';
import { giveToOwner } from './files.ts';

/** How long a check may take, and the log that says if it took longer. */
export interface CheckLimit {
  readonly timeoutMs: Milliseconds;
  readonly log: Pick<StoreLog, 'warn'>;
}

const READER = fileURLToPath(new URL(`./read-all${extname(import.meta.url)}`, import.meta.url));

/**
 * Rejects a database that cannot be read completely. The copy of a file that is in use has the right size and wrong pages, and
 * LMDB ends the process at such a page with SIGSEGV or SIGABRT and no message. So another process reads all entries first.
 * Without a limit it reads all of them.
 * @throws Error with the reason
 */
export async function assertIntact(path: string, limit?: CheckLimit): Promise<void> {
  const file = join(path, 'data.mdb');
  assertWhole(file);
  if (!existsSync(file) || statSync(file).size === 0) {
    return;
  }
  // LMDB crashes without these permissions as well.
  for (const name of ['data.mdb', 'lock.mdb'].filter((name) => existsSync(join(path, name)))) {
    accessSync(join(path, name), constants.R_OK | constants.W_OK);
  }
  // LMDB writes to standard error before it ends the process.
  const child = fork(READER, [path], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], execArgv: loaders() });
  let reason: unknown;
  child.once('message', (message) => {
    reason = message;
  });
  const timer = limit && setTimeout(() => child.kill('SIGKILL'), limit.timeoutMs);
  const [ended] = ((await once(child, 'close')) as (number | NodeJS.Signals | null)[]).filter((end) => end !== null);
  clearTimeout(timer);
  if (child.killed) {
    limit?.log.warn({ path }, `the store is large: it could not be checked completely within ${limit.timeoutMs} ms`);
  } else if (ended !== 0) {
    throw new Error(`data.mdb is damaged: ${reason ?? `reading it ends a process with ${ended}`}`);
  }
}

/**
 * Remembers the data file as it is now, after the database was closed. The next process that finds the same file needs no check.
 * It is called without a lock: if another process still writes, the file changes again.
 */
export function rememberClosed(path: string): void {
  try {
    writeFileSync(join(path, CLOSED), fingerprint(path), { mode: 0o600 });
    giveToOwner(path, CLOSED);
  } catch {
    // The disk is full: the next start checks the file.
  }
}

/** Whether the data file is the one that the last process closed. A copy has another inode, a change another time. */
export function wasClosed(path: string): boolean {
  try {
    return readFileSync(join(path, CLOSED), 'utf8') === fingerprint(path);
  } catch {
    return false;
  }
}

const CLOSED = 'closed';

function fingerprint(path: string): string {
  const { dev, ino, size, mtimeNs } = statSync(join(path, 'data.mdb'), { bigint: true });
  return [dev, ino, size, mtimeNs].join(' ');
}

/** The loaders of this process, such as one for TypeScript. Others of its arguments, such as --eval, do not fit. */
function loaders(): string[] {
  return process.execArgv.filter((argument) => argument.startsWith('--import='));
}
