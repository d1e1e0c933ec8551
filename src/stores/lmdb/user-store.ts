import type { Database } from 'lmdb';
import { keyOf, readUser, type UserRecord, type UserStore } from '../../users/user-store.ts';
import { encodeKey } from '../engine.ts';
import type { LmdbEnvironment } from './environment.ts';
import { scan } from './scan.ts';
import { USERS } from './tables.ts';

/** Keeps users in an LMDB database. An answered write is on the disk: users change rarely. */
export class LmdbUserStore implements UserStore {
  readonly #environment: LmdbEnvironment;
  readonly #users: Database<UserRecord, string>;

  constructor(environment: LmdbEnvironment) {
    this.#environment = environment;
    this.#users = environment.table(USERS);
  }

  async create(user: UserRecord): Promise<boolean> {
    if (!this.#environment.hasRoom()) {
      throw new Error('the disk is full');
    }
    const key = encodeKey(keyOf(user));
    return this.#environment.writeDurably(() => {
      if (this.#users.get(key) !== undefined) {
        return false;
      }
      this.#users.put(key, user);
      return true;
    });
  }

  find(key: string): UserRecord | undefined {
    return this.#environment.read(() => this.#read(encodeKey(key)));
  }

  replace(next: UserRecord, expectedVersion: string): Promise<boolean> {
    const key = encodeKey(keyOf(next));
    return this.#environment.writeDurably(() => {
      if (this.#read(key)?.version !== expectedVersion) {
        return false;
      }
      this.#users.put(key, next);
      return true;
    });
  }

  remove(key: string): Promise<boolean> {
    const encoded = encodeKey(key);
    return this.#environment.writeDurably(() => {
      const there = this.#users.get(encoded) !== undefined;
      this.#users.remove(encoded);
      return there;
    });
  }

  async *list(): AsyncGenerator<UserRecord> {
    for await (const stored of scan(this.#environment, this.#users)) {
      yield readUser(stored);
    }
  }

  /** Also closes the environment. */
  close(): Promise<void> {
    return this.#environment.close();
  }

  #read(key: string): UserRecord | undefined {
    const stored = this.#users.get(key);
    return stored && readUser(stored);
  }
}
