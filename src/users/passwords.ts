import { availableParallelism } from 'node:os';
import { Type } from '@sinclair/typebox';
import { requirePackages } from '../packages.ts';
import { readOptions, wholeNumber } from '../settings.ts';
import type { MaybePromise } from '../types.ts';
import { FairQueue, type Place, type QueueObserver } from './fair-queue.ts';
import { ARGON2ID, isBcrypt, UnusableHash, validateHash } from './password-hash.ts';

export interface PasswordHasherOptions {
  /** The number of hashes computed at the same time. Default: one less than the cores, but at least 1 and at most 3. */
  readonly concurrency?: number;
  /** The number of hashes that can wait. Default: 100 for each concurrent hash, which take about two seconds. */
  readonly maxWaiting?: number;
}

export interface VerifyOptions extends Place {
  /** Runs when the job leaves the queue. If it throws, the password is not verified. */
  readonly beforeVerify?: () => MaybePromise<void>;
}

const OPTIONS = {
  concurrency: Type.Optional(wholeNumber('a whole number', 1, 1024)),
  maxWaiting: Type.Optional(wholeNumber('a whole number', 0, 1_000_000)),
};

/** Hashes and verifies passwords. A bounded queue protects the CPU and divides it fairly. */
export class PasswordHasher {
  readonly #queue: FairQueue;

  /** @throws TypeError if an option is unknown or not allowed; MissingPackageError without @node-rs/argon2. */
  constructor(options: PasswordHasherOptions = {}) {
    requirePackages('PasswordHasher', ['@node-rs/argon2']);
    const checked = readOptions('PasswordHasher', OPTIONS, options);
    const { concurrency = spareThreads(), maxWaiting = 100 * concurrency } = checked;
    this.#queue = new FairQueue(concurrency, maxWaiting);
  }

  /** How many hashes are computed, and how many wait. */
  get load(): { readonly running: number; readonly waiting: number } {
    return this.#queue;
  }

  /** Passes on what happens in the queue, for metrics. */
  observe(observer: QueueObserver): void {
    this.#queue.observer = observer;
  }

  /**
   * Returns the hash of a password as a PHC string with a random salt.
   * @throws SignInBusy if the queue is full.
   */
  hash(password: string, place?: Place): Promise<string> {
    // The default algorithm of the library is argon2id.
    return this.#queue.run(async () => (await argon2()).hash(password, ARGON2ID), place);
  }

  /**
   * Verifies a password against a hash. The password is not trimmed, truncated or normalized. A password with a lone
   * surrogate never matches, because its UTF-8 form is the same as that of other passwords. A password with a NUL never
   * matches a bcrypt hash: bcrypt cannot tell it from other passwords.
   * @throws SignInBusy if the queue is full; UnusableHash if the hash is malformed or too expensive; the errors of
   * `beforeVerify`.
   */
  async verify(passwordHash: string, password: string, options: VerifyOptions = {}): Promise<boolean> {
    const { beforeVerify, ...place } = options;
    const reason = validateHash(passwordHash);
    if (reason !== undefined) {
      throw new UnusableHash(reason);
    }
    return this.#queue.run(async () => {
      await beforeVerify?.();
      // The hash is computed in any case, so that the time does not depend on the password.
      const matches = await (isBcrypt(passwordHash)
        ? (await bcrypt()).verify(password, passwordHash)
        : (await argon2()).verify(passwordHash, password));
      return matches && isUnambiguous(password, passwordHash);
    }, place);
  }
}

// Both are loaded at the first hash: an app without bcrypt hashes does not need @node-rs/bcrypt.
const argon2 = () => import('@node-rs/argon2');
const bcrypt = () => import('@node-rs/bcrypt');

/** Whether the hash function tells the password from all others. */
function isUnambiguous(password: string, passwordHash: string): boolean {
  return password.isWellFormed() && !(isBcrypt(passwordHash) && password.includes('\0'));
}

/** The default size of the libuv thread pool. */
const THREAD_POOL_SIZE = 4;

/**
 * Returns the number of threads for hashing, at least one. If there are several cores, it leaves one to the event loop, so that
 * sign-ins do not delay other requests. It leaves one thread of the pool to the file system and DNS.
 */
function spareThreads(): number {
  return Math.max(1, Math.min(availableParallelism(), THREAD_POOL_SIZE) - 1);
}
