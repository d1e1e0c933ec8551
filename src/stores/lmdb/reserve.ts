import { randomFillSync } from 'node:crypto';
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Milliseconds } from '../../types.ts';

/** More than the pages of any ending. */
const RESERVE_BYTES = 1024 * 1024;
/** How often a missing reserve is written again. */
const RETRY_MS: Milliseconds = 1000;

/**
 * A file that occupies space next to the database. LMDB never overwrites a page in use, so to end a session it needs free
 * pages first. When the disk is full, the reserve is deleted and the ending has room. While the reserve is missing, nothing
 * new may be stored: the room is for endings. All processes that share the directory share it.
 */
export class Reserve {
  readonly #path: string;
  #nextTryAt = Number.NEGATIVE_INFINITY;

  constructor(directory: string) {
    this.#path = join(directory, 'reserve');
  }

  /** Whether the reserve exists. Writes it if it is missing, at most once a second. */
  ensure(): boolean {
    if (existsSync(this.#path)) {
      return true;
    }
    if (performance.now() < this.#nextTryAt) {
      return false;
    }
    this.#nextTryAt = performance.now() + RETRY_MS;
    return this.#write();
  }

  /** Gives the space back, if another process has not done so already. */
  release(): void {
    rmSync(this.#path, { force: true });
    this.#nextTryAt = performance.now() + RETRY_MS;
  }

  #write(): boolean {
    const incomplete = `${this.#path}.tmp`;
    try {
      // Random bytes: a file system that compresses would not occupy space for zeros.
      writeFileSync(incomplete, randomFillSync(Buffer.allocUnsafe(RESERVE_BYTES)), { mode: 0o600 });
      renameSync(incomplete, this.#path);
      return true;
    } catch {
      rmSync(incomplete, { force: true });
      return false;
    }
  }
}
