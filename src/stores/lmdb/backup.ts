import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { UserRecord } from '../../users/user-store.ts';
import { SILENT } from '../engine.ts';
import { LmdbEnvironment } from './environment.ts';
import { giveToOwner } from './files.ts';
import { assertIntact } from './integrity.ts';
import { NamespaceClaim } from './namespace-claim.ts';
import { SESSIONS, SESSIONS_BY_EXPIRY, SESSIONS_BY_USER, USERS } from './tables.ts';

/** What a restored database holds. */
export interface Restored {
  readonly users: number;
  readonly sessions: number;
}

/**
 * Writes a consistent copy of an open database to a new file that only this user can read. The copy is checked.
 * @throws Error if the file exists or cannot be written. It is then not there.
 */
export async function backupTo(file: string, environment: LmdbEnvironment): Promise<void> {
  assertNew(file);
  await inTemporaryDirectory(dirname(file), `.${basename(file)}-`, async (directory) => {
    await environment.copyTo(directory);
    await assertIntact(directory);
    publish(directory, file);
  });
}

/**
 * Makes a new database in a directory from a backup, after a check. Ends all sessions, unless `keepSessions` is set: an old
 * copy has sessions that have ended since.
 * @throws Error if the backup cannot be read or is damaged, or the directory has a database already or is in use.
 */
export async function restoreFrom(
  file: string,
  path: string,
  { keepSessions }: { keepSessions: boolean },
): Promise<Restored> {
  const { size = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {};
  if (size === 0) {
    throw new Error(`${file} does not exist or is empty`);
  }
  const claim = await NamespaceClaim.take(path, SILENT);
  try {
    if (claim?.isShared) {
      throw new Error(`a process has the store in ${path} open: stop the service first`);
    }
    assertNew(join(path, 'data.mdb'));
    return await inTemporaryDirectory(path, 'restore-', async (directory) => {
      copyFileSync(file, join(directory, 'data.mdb'));
      await assertIntact(directory);
      const restored = await prepare(directory, keepSessions);
      publish(directory, join(path, 'data.mdb'));
      giveToOwner(path, 'data.mdb');
      return restored;
    });
  } finally {
    await claim?.release();
  }
}

/** Ends the sessions of a copy, and the links to set a password, which may have been used since. Returns what it held. */
async function prepare(directory: string, keepSessions: boolean): Promise<Restored> {
  const environment = new LmdbEnvironment(directory);
  try {
    const [users, sessions] = environment.read(() =>
      [USERS, SESSIONS].map((name) => environment.table(name).getKeysCount()),
    ) as [number, number];
    if (!keepSessions) {
      await environment.table(SESSIONS).clearAsync();
      await Promise.all([SESSIONS_BY_USER, SESSIONS_BY_EXPIRY].map((name) => environment.index(name).clearAsync()));
    }
    const records = environment.table<UserRecord>(USERS);
    const withLinks = [...records.getRange()].filter(({ value }) => value.passwordLink !== undefined);
    await Promise.all(withLinks.map(({ key, value: { passwordLink: _, ...user } }) => records.put(key, user)));
    return { users, sessions };
  } finally {
    await environment.close();
  }
}

function assertNew(file: string): void {
  if (existsSync(file)) {
    throw new Error(`${file} exists already and is not overwritten`);
  }
}

/** Runs an action with a directory that only this user can read, and removes it. */
async function inTemporaryDirectory<T>(
  parent: string,
  prefix: string,
  action: (path: string) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(parent, prefix));
  try {
    return await action(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Moves the data file to its place, once it is on the disk. */
function publish(directory: string, file: string): void {
  const source = join(directory, 'data.mdb');
  chmodSync(source, 0o600);
  flush(source);
  // Unlike a rename, a link fails if the file exists meanwhile.
  linkSync(source, file);
  flush(dirname(file));
}

function flush(path: string): void {
  const descriptor = openSync(path, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}
