import { accessSync, chmodSync, constants, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, type DatabaseOptions, open, type RootDatabase } from 'lmdb';
import { StoreNotOpened } from '../store-not-opened.ts';
import { within } from '../within.ts';
import { assertWhole } from './data-file.ts';

/** How long the writes under way may take when it closes. */
const CLOSE_MS = 2000;
/** How often the slots of readers that died are given back: a dead reader keeps old pages from being used again. */
const READER_CHECK_MS = 60_000;

/**
 * An LMDB database in a directory: what the stores of sessions and of users have in common. Any number of
 * processes of one machine may have it open at once.
 */
export class LmdbEnvironment {
  readonly #root: RootDatabase;
  readonly #timer: NodeJS.Timeout;
  #closed: Promise<void> | undefined;

  /**
   * Opens the database in a directory, and makes both if they are not there.
   * @throws StoreNotOpened when the path cannot be used or holds something else.
   */
  constructor(path: string) {
    this.#root = openRoot(path);
    this.#root.readerCheck();
    this.#timer = setInterval(() => this.#root.readerCheck(), READER_CHECK_MS).unref();
  }

  /** A table that holds one JSON value for a key. */
  table<V>(name: string): Database<V, string> {
    return this.#openDB(name, { encoding: 'json' });
  }

  /** A table that holds any number of keys of another table for a key. */
  index<K extends string | number>(name: string): Database<string, K> {
    return this.#openDB(name, { encoding: 'ordered-binary', dupSort: true });
  }

  /** Runs `action` on one snapshot, which holds everything that any process has committed so far. */
  read<T>(action: () => T): T {
    this.#assertOpen();
    this.#root.resetReadTxn();
    return action();
  }

  /**
   * Runs `action` as one atomic step, and resolves with what it returns once that is committed: it then outlives
   * this process, and every process sees it. An action that throws has not been undone: it looks first, then writes.
   */
  async write<T>(action: () => T): Promise<T> {
    this.#assertOpen();
    try {
      return await this.#root.transaction(action);
    } catch (error) {
      // A commit that failed, on a full disk for example, comes with a second rejection, which nobody else handles.
      (error as { commitError?: Promise<never> }).commitError?.catch(() => {});
      throw error;
    }
  }

  /** As `write`, and resolves once it is on the disk, where it outlives a power cut. */
  async writeDurably<T>(action: () => T): Promise<T> {
    const result = await this.write(action);
    await this.#root.flushed;
    return result;
  }

  /** Waits for the writes under way, then closes the database for all who use it. */
  close(): Promise<void> {
    clearInterval(this.#timer);
    // After a commit that failed, lmdb may wait for a flush that never comes. What was acknowledged is committed.
    this.#closed ??= within(CLOSE_MS, this.#root.close(), 'LMDB').catch(() => {});
    return this.#closed;
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
    // With batches of an event turn, lmdb makes a promise for each that nobody handles: a failed commit would end the
    // process. Writes of one turn share a commit all the same.
    const root = open({ path, noSubdir: false, maxDbs: 8, eventTurnBatching: false });
    if (isNew) {
      // Hashes of passwords are nobody else's business, whoever made the directory.
      files.forEach((file) => {
        chmodSync(file, 0o600);
      });
    }
    return root;
  } catch (error) {
    throw new StoreNotOpened(
      `The LMDB store in ${path} cannot be opened: ${(error as Error).message}. ` +
        'STORE_URL must be lmdb: and a directory that this user may write to, new or made by this service.',
      { cause: error },
    );
  }
}
