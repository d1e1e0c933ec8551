import { constants } from 'node:os';
import fastq from 'fastq';
import { type Database, type DatabaseOptions, open, type RootDatabase } from 'lmdb';
import { type StoreLog, StoreOpenError, withTimeout } from '../engine.ts';
import { prepareFiles } from './files.ts';
import { assertIntact, rememberClosed, wasClosed } from './integrity.ts';
import { NamespaceClaim } from './namespace-claim.ts';
import { Reserve } from './reserve.ts';

type WarnLog = Pick<StoreLog, 'warn'>;

const SILENT: WarnLog = { warn() {} };

/** How long `close` waits for pending writes, in milliseconds. */
const CLOSE_MS = 2000;
/**
 * The most writes that share a commit. A commit needs free pages for all of them: with hundreds, all fail on a full disk,
 * and lmdb may corrupt the memory of the process. With few, removals succeed even then.
 */
const MAX_CONCURRENT_WRITES = 20;
/**
 * The most writes that wait for a commit. On a slow disk their requests have been answered 503 long before their turn.
 * Endings and changes of users may still wait when no other write may.
 */
const MAX_WAITING = 5000;
const MAX_WAITING_DURABLE = 10_000;
/** How long the reason of a failed commit may take. */
const REASON_MS = 1000;
/** A store that takes longer to read starts without a complete check. */
const CHECK_MS = 30_000;
/** How often the slots of dead readers are freed. A dead reader prevents old pages from being reused. */
const READER_CHECK_MS = 60_000;

/**
 * An LMDB database in a directory, shared by the session store and the user store. Several processes of one machine may
 * have it open at the same time.
 */
export class LmdbEnvironment {
  readonly #path: string;
  readonly #root: RootDatabase;
  readonly #writes = fastq.promise((action: () => unknown) => this.#commit(action), MAX_CONCURRENT_WRITES);
  readonly #timer: NodeJS.Timeout;
  readonly #reserve: Reserve;
  readonly #claim: NamespaceClaim | undefined;
  #closed: Promise<void> | undefined;

  /**
   * Opens the database in a directory. Creates both if they do not exist.
   * @throws StoreOpenError if the path cannot be used, holds something else, is damaged, or is in use in another PID namespace.
   */
  static async open(path: string, log: WarnLog): Promise<LmdbEnvironment> {
    let claim: NamespaceClaim | undefined;
    try {
      claim = await NamespaceClaim.take(path, log);
    } catch (error) {
      throw toOpenError(path, error);
    }
    try {
      // A database that another process has open was checked when that process started.
      if (claim?.isShared !== true && !wasClosed(path)) {
        await assertIntact(path, { log, timeoutMs: CHECK_MS }).catch((error) => {
          throw toOpenError(path, error);
        });
      }
      return new LmdbEnvironment(path, log, claim);
    } catch (error) {
      await claim?.release();
      throw error;
    }
  }

  /** The same without the checks for damage and for other PID namespaces. */
  constructor(path: string, log: WarnLog = SILENT, claim?: NamespaceClaim) {
    this.#path = path;
    this.#claim = claim;
    this.#reserve = new Reserve(path);
    try {
      this.#root = openRoot(path, this.#reserve, log);
    } catch (error) {
      throw toOpenError(path, error);
    }
    this.#root.readerCheck();
    this.#timer = setInterval(() => this.#root.readerCheck(), READER_CHECK_MS).unref();
  }

  /** A table with one JSON value for each key. */
  table<V>(name: string): Database<V, string> {
    return this.#openDB(name, { encoding: 'json' });
  }

  /** A table with any number of keys of another table for each key. */
  index<K extends string | number>(name: string): Database<string, K> {
    return this.#openDB(name, { encoding: 'ordered-binary', dupSort: true });
  }

  /** Runs `action` on one snapshot, with everything that any process has committed so far. */
  read<T>(action: () => T): T {
    this.#assertOpen();
    this.#root.resetReadTxn();
    return action();
  }

  /**
   * Runs `action` atomically and resolves with its result after the commit. The result then survives this process, and
   * every process sees it. LMDB does not roll back an action that throws, so an action must read first and write then.
   */
  async write<T>(action: () => T): Promise<T> {
    return this.#write(action, MAX_WAITING);
  }

  /** Like `write`, but resolves when the result is on the disk and survives a power cut. */
  async writeDurably<T>(action: () => T): Promise<T> {
    const result = await this.#write(action, MAX_WAITING_DURABLE);
    await this.#root.flushed;
    return result;
  }

  /** Whether a new record may be stored. The last room on the disk is for other changes. */
  hasRoom(): boolean {
    return this.#reserve.ensure();
  }

  /** Copies one snapshot of the database, without its free pages, to the file `data.mdb` in an empty directory. */
  async copyTo(directory: string): Promise<void> {
    this.#assertOpen();
    await this.#root.backup(directory, true);
  }

  /** Waits for pending writes, then closes the database for all stores that share it. */
  close(): Promise<void> {
    clearInterval(this.#timer);
    // After a failed commit lmdb may wait for a flush that never happens. Acknowledged writes are committed.
    this.#closed ??= withTimeout(CLOSE_MS, this.#drainAndClose(), 'LMDB')
      .catch(() => {})
      .then(() => this.#claim?.release());
    return this.#closed;
  }

  async #drainAndClose(): Promise<void> {
    await this.#writes.drained();
    await this.#root.close();
    rememberClosed(this.#path);
  }

  async #write<T>(action: () => T, maxWaiting: number): Promise<T> {
    this.#assertOpen();
    if (this.#writes.length() >= maxWaiting) {
      throw new Error(`${maxWaiting} writes wait for the disk already`);
    }
    return this.#writes.push(action) as Promise<T>;
  }

  async #commit<T>(action: () => T): Promise<T> {
    try {
      return await this.#transaction(action);
    } catch (error) {
      if (!isNoSpace(error)) {
        throw error;
      }
      this.#reserve.release();
      return this.#transaction(action);
    }
  }

  async #transaction<T>(action: () => T): Promise<T> {
    try {
      return await this.#root.transaction(action);
    } catch (error) {
      // A failed commit has its reason in a second rejection, which nothing else handles.
      const { commitError } = error as { commitError?: Promise<never> };
      await (commitError && withTimeout(REASON_MS, commitError, 'LMDB'));
      throw error;
    }
  }

  #openDB<V, K extends string | number>(name: string, options: DatabaseOptions): Database<V, K> {
    return this.#root.openDB<V, K>({ name, ...options });
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) {
      throw new Error('the LMDB store is closed');
    }
  }
}

function openRoot(path: string, reserve: Reserve, log: WarnLog): RootDatabase {
  prepareFiles(path, reserve, log);
  // With event turn batching, lmdb creates a promise that nothing handles: a failed commit would end the process.
  // The writes of one turn share a commit also without it.
  const root = open({ path, noSubdir: false, maxDbs: 8, eventTurnBatching: false });
  try {
    root.doesExist('');
  } catch (error) {
    root.close();
    throw error;
  }
  return root;
}

function toOpenError(path: string, error: unknown): StoreOpenError {
  const { message } = error as Error;
  return new StoreOpenError(`The LMDB store in ${path} cannot be opened: ${message}. ${adviceFor(message)}`, {
    cause: error,
  });
}

function adviceFor(message: string): string {
  if (message.startsWith('MDB_READERS_FULL')) {
    return 'At most 126 processes can have it open. Stop some, or use Redis.';
  }
  if (message.startsWith('data.mdb is damaged')) {
    return 'Restore a backup: see "Backup and restore" in docs/operation.md. A store that is in use cannot be copied as a file.';
  }
  return 'STORE_URL must be lmdb: and a directory that this user may write to, new or made by this service.';
}

function isNoSpace(error: unknown): boolean {
  const { ENOSPC, EDQUOT, EFBIG } = constants.errno;
  return [ENOSPC, EDQUOT, EFBIG].includes((error as { code: number }).code);
}
