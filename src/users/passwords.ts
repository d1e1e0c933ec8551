import { availableParallelism } from 'node:os';
import { hash, verify } from '@node-rs/argon2';
import { verify as verifyBcrypt } from '@node-rs/bcrypt';
import fastq from 'fastq';
import { SignInBusy } from '../errors.ts';
import type { MaybePromise } from '../maybe-promise.ts';
import { ARGON2ID, isBcrypt } from './password-hash.ts';

export interface PasswordHasherOptions {
  /** Hashes computed at the same time. Default: {@link spareThreads}. */
  readonly concurrency?: number;
  /** Hashes that may wait for their turn. Default: 100 for each that may run, about two seconds of waiting. */
  readonly maxWaiting?: number;
}

/** Hashes and verifies passwords, never more at once than the machine can bear. */
export class PasswordHasher {
  readonly #jobs: fastq.queueAsPromised<() => Promise<unknown>>;
  readonly #maxWaiting: number;

  constructor({ concurrency = spareThreads(), maxWaiting = 100 * concurrency }: PasswordHasherOptions = {}) {
    this.#jobs = fastq.promise((job: () => Promise<unknown>) => job(), concurrency);
    this.#maxWaiting = maxWaiting;
  }

  /**
   * A password's hash as a PHC string with a salt of its own.
   * @throws SignInBusy when too many hashes are waiting already.
   */
  hash(password: string): Promise<string> {
    // The library's default algorithm is argon2id.
    return this.#run(() => hash(password, ARGON2ID));
  }

  /**
   * Whether a password is the one that was hashed. It is compared as it is: not trimmed, cut or normalized. One with
   * half a character in it is nobody's: as UTF-8 it could be read as another.
   *
   * `admit` is asked once its turn has come; if it throws, the password is not looked at.
   * @throws SignInBusy when too many hashes are waiting already; what `admit` throws.
   */
  verify(
    passwordHash: string,
    password: string,
    admit: () => MaybePromise<void> = () => {},
  ): Promise<boolean> {
    const check = isBcrypt(passwordHash)
      ? () => verifyBcrypt(password, passwordHash)
      : () => verify(passwordHash, password);
    return this.#run(async () => {
      await admit();
      return (await check()) && password.isWellFormed();
    });
  }

  async #run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#jobs.length() >= this.#maxWaiting) {
      throw new SignInBusy();
    }
    return this.#jobs.push(job) as Promise<T>;
  }
}

/** Threads in libuv's pool unless the operator asks for more. */
const THREAD_POOL_SIZE = 4;

/**
 * The threads that hashing may keep busy: it leaves a core to the event loop, so that signed-in users do not
 * wait for those who sign in, and a thread of the pool to the file system and to name look-ups.
 */
function spareThreads(): number {
  return Math.max(1, Math.min(availableParallelism(), THREAD_POOL_SIZE) - 1);
}
