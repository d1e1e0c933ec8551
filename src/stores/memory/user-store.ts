import type { UserRecord, UserStore } from '../user-store.ts';

/** Keeps users in the memory of this process. */
export class MemoryUserStore implements UserStore {
  // A Map and not an object: a user may be named `__proto__`.
  readonly #users = new Map<string, UserRecord>();

  create(user: UserRecord): boolean {
    if (this.#users.has(user.username)) {
      return false;
    }
    this.#users.set(user.username, Object.freeze({ ...user }));
    return true;
  }

  find(username: string): UserRecord | undefined {
    return this.#users.get(username);
  }
}
