import { accessSync, chmodSync, constants, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import fastq from 'fastq';
import { type Database, type DatabaseOptions, open, type RootDatabase } from 'lmdb';
import { StoreOpenError, withTimeout } from '../engine.ts';
import { assertWhole } from './data-file.ts';

/** How long `close` waits for pending writes, in milliseconds. */
const CLOSE_MS = 2000;
/**
 * The most writes that share a commit. A commit needs free pages for all of them: with hundreds, all fail on a full disk,
 * and lmdb may corrupt the memory of the process. With few, removals succeed even then.
 */
const MAX_CONCURRENT_WRITES = 20;
/** How often the slots of dead readers are freed. A dead reader prevents old pages from being reused. */
const READER_CHECK_MS = 60_000;

/**
 * An LMDB database in a directory, shared by the session store and the user store. Several processes of one machine may
 * have it open at the same time.
 */
export class LmdbEnvironment {
  readonly #root: RootDatabase;
  readonly #writes = fastq.promise((action: () => unknown) => this.#commit(action), MAX_CONCURRENT_WRITES);
  readonly #timer: NodeJS.Timeout;
  #closed: Promise<void> | undefined;

  /**
   * Opens the database in a directory. Creates both if they do not exist.
   * @throws StoreOpenError if the path cannot be used or holds something else.
   */
  constructor(path: string) {
    this.#root = openRoot(path);
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
    this.#assertOpen();
    return this.#writes.push(action) as Promise<T>;
  }

  /** Like `write`, but resolves when the result is on the disk and survives a power cut. */
  async writeDurably<T>(action: () => T): Promise<T> {
    const result = await this.write(action);
    await this.#root.flushed;
    return result;
  }

  /** Waits for pending writes, then closes the database for all stores that share it. */
  close(): Promise<void> {
    clearInterval(this.#timer);
    // After a failed commit lmdb may wait for a flush that never happens. Acknowledged writes are committed.
    this.#closed ??= withTimeout(CLOSE_MS, this.#drainAndClose(), 'LMDB').catch(() => {});
    return this.#closed;
  }

  async #drainAndClose(): Promise<void> {
    await this.#writes.drained();
    await this.#root.close();
  }

  async #commit<T>(action: () => T): Promise<T> {
    try {
      return await this.#root.transaction(action);
    } catch (error) {
      // A failed commit, on a full disk for example, has a second rejection that nothing else handles.
      (error as { commitError?: Promise<never> }).commitError?.catch(() => {});
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

function openRoot(path: string): RootDatabase {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const files = ['data.mdb', 'lock.mdb'].map((name) => join(path, name));
    const isNew = !files.some((file) => existsSync(file));
    assertWhole(join(path, 'data.mdb'));
    // With event turn batching, lmdb creates a promise that nothing handles: a failed commit would end the process.
    // The writes of one turn share a commit also without it.
    const root = open({ path, noSubdir: false, maxDbs: 8, eventTurnBatching: false });
    if (isNew) {
      // The file holds password hashes: only its owner may read it, also if the directory existed before.
      files.forEach((file) => {
        chmodSync(file, 0o600);
      });
    }
    return root;
  } catch (error) {
    throw new StoreOpenError(
      `The LMDB store in ${path} cannot be opened: ${(error as Error).message}. ` +
        'STORE_URL must be lmdb: and a directory that this user may write to, new or made by this service.',
      { cause: error },
    );
  }
}
