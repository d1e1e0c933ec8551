import { SignInBusy } from '../errors.ts';
import type { Milliseconds } from '../types.ts';

/** Something that jobs have in common, such as their network. */
export interface Share {
  readonly key: string;
  /** How many jobs with this key run in one turn. */
  readonly perTurn: number;
}

/** Decides where a job stands in the queue. */
export interface Place {
  readonly shares?: readonly Share[];
  /** Whether the job runs before other jobs of the same turn. */
  readonly first?: boolean;
}

/** Gets what happens in a queue, for metrics. */
export interface QueueObserver {
  /** A job starts after this time. */
  started(waitedMs: Milliseconds): void;
  /** The queue was full and has rejected a job. */
  rejected(): void;
}

interface Job {
  readonly queuedAt: Milliseconds;
  readonly shares: readonly Share[];
  readonly turn: number;
  /** Runs the task. Returns a function that passes its outcome on. */
  readonly start: () => Promise<() => void>;
  readonly reject: (error: Error) => void;
}

/**
 * A bounded queue of jobs that no client can fill for others. Jobs run in turns, and a key has a fixed share of each
 * turn: a job gets a later turn, the more jobs with one of its keys run or wait (compare start-time fair queueing). If
 * the queue is full, the job with the latest turn is rejected. So a client that sends many jobs delays and displaces its
 * own, while a job with new keys runs in the next turn.
 */
export class FairQueue {
  observer: QueueObserver | undefined;
  readonly #concurrency: number;
  readonly #maxWaiting: number;
  readonly #running = new Set<Job>();
  /** In the order of arrival. There are a few hundred at most, and a job takes milliseconds, so a scan is fast enough. */
  readonly #waiting: Job[] = [];
  /** The turn of the last job that started. */
  #turn = 0;

  constructor(concurrency: number, maxWaiting: number) {
    this.#concurrency = concurrency;
    this.#maxWaiting = maxWaiting;
  }

  /** How many jobs run. */
  get running(): number {
    return this.#running.size;
  }

  /** How many jobs wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Runs a task when it is its turn, and returns its result.
   * @throws SignInBusy if the queue is full and no other job has a later turn.
   */
  run<T>(task: () => Promise<T>, { shares = [], first = false }: Place = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      const start = async () => {
        try {
          const result = await task();
          return () => resolve(result);
        } catch (error) {
          return () => reject(error);
        }
      };
      const queuedAt = performance.now();
      this.#waiting.push({ queuedAt, shares, turn: this.#turnFor(shares, first), start, reject });
      this.#startNext();
      if (this.#waiting.length > this.#maxWaiting) {
        this.#remove((job, latest) => job.turn >= latest.turn)?.reject(new SignInBusy());
        this.observer?.rejected();
      }
    });
  }

  #turnFor(shares: readonly Share[], first: boolean): number {
    const jobs = [...this.#running, ...this.#waiting];
    const used = shares.map(
      ({ key, perTurn }) => jobs.filter((job) => job.shares.some((share) => share.key === key)).length / perTurn,
    );
    // The half turn prefers a job without starving others: each job that starts moves the current turn on.
    return this.#turn + (first ? 0.5 : 1) + Math.max(0, ...used);
  }

  #startNext(): void {
    if (this.#running.size >= this.#concurrency) {
      return;
    }
    const job = this.#remove((job, earliest) => job.turn < earliest.turn);
    if (job !== undefined) {
      this.#turn = Math.max(this.#turn, job.turn);
      this.#running.add(job);
      this.observer?.started(performance.now() - job.queuedAt);
      job.start().then((settle) => {
        // In this order, so that the caller finds the place free.
        this.#running.delete(job);
        settle();
        this.#startNext();
      });
    }
  }

  /** Removes a waiting job, for which `isBetter` is true in comparison with all jobs before it. */
  #remove(isBetter: (job: Job, best: Job) => boolean): Job | undefined {
    const [oldest] = this.#waiting;
    if (oldest === undefined) {
      return undefined;
    }
    const best = this.#waiting.reduce((best, job) => (isBetter(job, best) ? job : best), oldest);
    this.#waiting.splice(this.#waiting.indexOf(best), 1);
    return best;
  }
}
