import type { Database } from 'lmdb';
import { readUser, type UserRecord, type UserStore } from '../../users/user-store.ts';
import { encodeKey } from '../engine.ts';
import type { LmdbEnvironment } from './environment.ts';
import { scan } from './scan.ts';

/** Keeps users in an LMDB database. An answered write is on the disk: users change rarely. */
export class LmdbUserStore implements UserStore {
  readonly #environment: LmdbEnvironment;
  readonly #users: Database<UserRecord, string>;

  constructor(environment: LmdbEnvironment) {
    this.#environment = environment;
    this.#users = environment.table('users');
  }

  async create(user: UserRecord): Promise<boolean> {
    if (!this.#environment.hasRoom()) {
      throw new Error('the disk is full');
    }
    const key = encodeKey(user.username);
    return this.#environment.writeDurably(() => {
      if (this.#users.get(key) !== undefined) {
        return false;
      }
      this.#users.put(key, user);
      return true;
    });
  }

  find(username: string): UserRecord | undefined {
    return this.#environment.read(() => this.#read(encodeKey(username)));
  }

  replace(next: UserRecord, expectedVersion: string): Promise<boolean> {
    const key = encodeKey(next.username);
    return this.#environment.writeDurably(() => {
      if (this.#read(key)?.version !== expectedVersion) {
        return false;
      }
      this.#users.put(key, next);
      return true;
    });
  }

  remove(username: string): Promise<boolean> {
    const key = encodeKey(username);
    return this.#environment.writeDurably(() => {
      const there = this.#users.get(key) !== undefined;
      this.#users.remove(key);
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
