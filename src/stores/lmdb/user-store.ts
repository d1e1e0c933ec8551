import type { Database } from 'lmdb';
import { storeKey } from '../store-key.ts';
import type { UserRecord, UserStore } from '../user-store.ts';
import type { LmdbEnvironment } from './environment.ts';
import { walk } from './walk.ts';

/** Keeps users in an LMDB database. What was answered is on the disk: users change seldom. */
export class LmdbUserStore implements UserStore {
  readonly #environment: LmdbEnvironment;
  readonly #users: Database<UserRecord, string>;

  constructor(environment: LmdbEnvironment) {
    this.#environment = environment;
    this.#users = environment.table('users');
  }

  create(user: UserRecord): Promise<boolean> {
    const key = storeKey(user.username);
    return this.#environment.writeDurably(() => {
      if (this.#users.get(key) !== undefined) {
        return false;
      }
      this.#users.put(key, user);
      return true;
    });
  }

  find(username: string): UserRecord | undefined {
    return this.#environment.read(() => this.#users.get(storeKey(username)));
  }

  replace(next: UserRecord, expectedVersion: string): Promise<boolean> {
    const key = storeKey(next.username);
    return this.#environment.writeDurably(() => {
      if (this.#users.get(key)?.version !== expectedVersion) {
        return false;
      }
      this.#users.put(key, next);
      return true;
    });
  }

  remove(username: string): Promise<boolean> {
    const key = storeKey(username);
    return this.#environment.writeDurably(() => {
      const there = this.#users.get(key) !== undefined;
      this.#users.remove(key);
      return there;
    });
  }

  list(): AsyncIterable<UserRecord> {
    return walk(this.#environment, this.#users);
  }

  /** Closes the environment, too. */
  close(): Promise<void> {
    return this.#environment.close();
  }
}
