import { randomUUID } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { StoreLog } from '../engine.ts';
import { assertWhole } from './data-file.ts';
import type { Reserve } from './reserve.ts';

/** The size that LMDB gives the lock file of 126 readers. It extends a shorter one. */
const LOCK_FILE_BYTES = 8272;

/**
 * Prepares a directory for LMDB: creates it, checks or creates the data file, and creates the lock file.
 * @throws Error with the reason if it cannot be used.
 */
export function prepareFiles(path: string, reserve: Reserve, log: Pick<StoreLog, 'warn'>): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  assertWhole(join(path, 'data.mdb'));
  allocateLockFile(path, reserve);
  reserve.ensure();
  // LMDB would create it with the permissions that the umask allows.
  closeSync(openSync(join(path, 'data.mdb'), 'a', 0o600));
  for (const name of ['data.mdb', 'lock.mdb', 'reserve']) {
    giveToOwner(path, name);
  }
  for (const name of ['data.mdb', 'lock.mdb']) {
    keepFromOthers(join(path, name), log);
  }
}

/** Gives a file that root has made to the owner of the directory. The service could not open it otherwise. */
export function giveToOwner(directory: string, name: string): void {
  const [{ uid, gid }, file] = [statSync(directory), join(directory, name)];
  if (process.getuid?.() === 0 && uid !== 0 && statSync(file, { throwIfNoEntry: false })?.uid === 0) {
    chownSync(file, uid, gid);
  }
}

/**
 * LMDB creates the lock file without allocating its space and maps it into memory. On a full disk the first write to it
 * ends the process with SIGBUS and no message.
 */
function allocateLockFile(path: string, reserve: Reserve): void {
  const lockFile = join(path, 'lock.mdb');
  if (existsSync(lockFile)) {
    return;
  }
  const complete = join(path, `${randomUUID()}.tmp`);
  const write = () => writeFileSync(complete, Buffer.alloc(LOCK_FILE_BYTES), { mode: 0o600 });
  try {
    write();
  } catch {
    reserve.release();
    write();
  }
  try {
    // Unlike a write, a link does not change the file that another process has created meanwhile and uses.
    linkSync(complete, lockFile);
  } catch {
    // It exists now, or the file system has no links: LMDB creates it.
  } finally {
    rmSync(complete, { force: true });
  }
}

/** The files hold password hashes and names. The group may have access on purpose, so that two users share the store. */
function keepFromOthers(file: string, log: Pick<StoreLog, 'warn'>): void {
  const { mode = 0, uid } = statSync(file, { throwIfNoEntry: false }) ?? {};
  if ((mode & 0o007) === 0 || process.getuid === undefined) {
    return;
  }
  if (uid === process.getuid()) {
    chmodSync(file, mode & 0o770);
  } else {
    log.warn({ file, mode: (mode & 0o777).toString(8) }, 'other users can read the store: remove their permissions');
  }
}
