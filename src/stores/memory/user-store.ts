import { keyOf, type UserRecord, type UserStore } from '../../users/user-store.ts';

/** Keeps users in the memory of this process. */
export class MemoryUserStore implements UserStore {
  // Not an object: a user may be named `__proto__`.
  readonly #users = new Map<string, UserRecord>();
  #closed = false;

  create(user: UserRecord): boolean {
    this.#assertOpen();
    if (this.#users.has(keyOf(user))) {
      return false;
    }
    this.#put(user);
    return true;
  }

  find(key: string): UserRecord | undefined {
    this.#assertOpen();
    return this.#users.get(key);
  }

  replace(next: UserRecord, expectedVersion: string): boolean {
    if (this.find(keyOf(next))?.version !== expectedVersion) {
      return false;
    }
    this.#put(next);
    return true;
  }

  remove(key: string): boolean {
    this.#assertOpen();
    return this.#users.delete(key);
  }

  list(): Iterable<UserRecord> {
    this.#assertOpen();
    return [...this.#users.values()];
  }

  close(): void {
    this.#closed = true;
    this.#users.clear();
  }

  #assertOpen(): void {
    if (this.#closed) {
      throw new Error('the user store is closed');
    }
  }

  #put(user: UserRecord): void {
    this.#users.set(keyOf(user), Object.freeze({ ...user }));
  }
}
