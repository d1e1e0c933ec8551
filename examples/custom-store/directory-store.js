import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/**
 * A SessionStore that keeps one JSON file a session in a directory, for a single process. It reads the files once, when
 * it opens, and answers from memory afterwards.
 *
 * The methods are synchronous. No other call can run between the check and the write, so each method is atomic. Each
 * changes the file first and the memory afterwards: if the file system fails, the method throws and nothing has changed.
 */
export class DirectorySessionStore {
  #directory;
  /** The records by session id. */
  #records = new Map();
  /** The ids of each user's sessions, by namespace and user id, so that listByUser does not search all records. */
  #idsByUser = new Map();
  #isClosed = false;

  constructor(directory) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const file of readdirSync(directory).filter((name) => name.endsWith('.json'))) {
      this.#put(JSON.parse(readFileSync(join(directory, file), 'utf8')));
    }
  }

  create(record) {
    this.#assertOpen();
    if (this.#records.has(record.session.id)) {
      return false;
    }
    this.#removeExpired(record.session);
    this.#write(record);
    return true;
  }

  find(id) {
    this.#assertOpen();
    // The caller gets a copy, so that changing it does not change the store.
    return structuredClone(this.#records.get(id));
  }

  replace(next, expectedVersion) {
    this.#assertOpen();
    if (this.#records.get(next.session.id)?.version !== expectedVersion) {
      return false;
    }
    this.#write(next);
    return true;
  }

  remove(id) {
    this.#assertOpen();
    const record = this.#records.get(id);
    if (record === undefined) {
      return false;
    }
    rmSync(this.#fileOf(id));
    this.#records.delete(id);
    this.#idsByUser.get(keyOf(record.session)).delete(id);
    return true;
  }

  listByUser(owner) {
    this.#assertOpen();
    return this.#idsOf(owner).map((id) => this.find(id));
  }

  removeByUser(owner, keep) {
    this.#assertOpen();
    const ids = this.#idsOf(owner).filter((id) => id !== keep);
    return ids.filter((id) => this.remove(id)).length;
  }

  list() {
    this.#assertOpen();
    return structuredClone([...this.#records.values()]);
  }

  /** Throws if the directory is gone or cannot be written. */
  ping() {
    this.#assertOpen();
    accessSync(this.#directory, constants.W_OK);
  }

  close() {
    this.#isClosed = true;
  }

  /** The rename replaces the old file in one step: a crash of the process never leaves half a record. */
  #write(record) {
    const file = this.#fileOf(record.session.id);
    writeFileSync(`${file}.tmp`, JSON.stringify(record), { mode: 0o600 });
    renameSync(`${file}.tmp`, file);
    this.#put(structuredClone(record));
  }

  #put(record) {
    const { id } = record.session;
    const key = keyOf(record.session);
    this.#records.set(id, record);
    this.#idsByUser.set(key, (this.#idsByUser.get(key) ?? new Set()).add(id));
  }

  /** A store may drop records whose deadline has passed. Without this the directory would grow forever. */
  #removeExpired(owner) {
    for (const id of this.#idsOf(owner)) {
      if (this.#records.get(id).session.expiresAt <= Date.now()) {
        this.remove(id);
      }
    }
  }

  #idsOf(owner) {
    return [...(this.#idsByUser.get(keyOf(owner)) ?? [])];
  }

  /** An id may be any string. Its hash is a safe file name. */
  #fileOf(id) {
    return join(this.#directory, `${createHash('sha256').update(JSON.stringify(id)).digest('hex')}.json`);
  }

  #assertOpen() {
    if (this.#isClosed) {
      throw new Error('the session store is closed');
    }
  }
}

/** Users of different areas of an app may have the same id. JSON keeps the two parts apart. */
function keyOf({ namespace, userId }) {
  return JSON.stringify([namespace, userId]);
}
