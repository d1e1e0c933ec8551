import type { Place } from '../../src/users/fair-queue.ts';
import { PasswordHasher, type VerifyOptions } from '../../src/users/passwords.ts';

/**
 * Computes each hash once and remembers the result. A hash takes 20 ms, and most tests are not about hashing.
 * Unlike in the service, equal passwords have equal hashes, and a remembered result does not wait in the queue.
 */
export class RememberingHasher extends PasswordHasher {
  readonly #hashes = new Map<string, Promise<string>>();
  readonly #results = new Map<string, boolean>();

  override hash(password: string, place?: Place): Promise<string> {
    const hash = this.#hashes.get(password) ?? super.hash(password, place);
    this.#hashes.set(password, hash);
    return hash;
  }

  override async verify(passwordHash: string, password: string, options: VerifyOptions = {}): Promise<boolean> {
    const key = JSON.stringify([passwordHash, password]);
    const known = this.#results.get(key);
    if (known !== undefined) {
      await options.beforeVerify?.();
      return known;
    }
    const matches = await super.verify(passwordHash, password, options);
    this.#results.set(key, matches);
    return matches;
  }
}
