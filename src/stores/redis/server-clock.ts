import type { Clock, Milliseconds } from '../../types.ts';
import type { StoreLog } from '../engine.ts';

/** A reply to `TIME` and, by the monotonic clock of this process, when it was requested and when it arrived. */
export interface TimeSample {
  readonly serverTime: Milliseconds;
  readonly sentAt: Milliseconds;
  readonly receivedAt: Milliseconds;
}

/** How long a sample is preferred to a less exact one. */
const MAX_AGE_MS = 30_000;
/** A larger difference of the clocks is logged. NTP keeps it far smaller. */
const MAX_DIFFERENCE_MS = 3000;

/**
 * The clock of the server. Every instance reads the same one, so times that one instance stores and another one compares
 * do not depend on the clocks of their machines.
 *
 * The server read its clock at some moment between request and reply. The middle is assumed, so a sample is wrong by at
 * most half of the round trip. As in NTP, the sample with the shortest round trip counts.
 */
export class ServerClock {
  readonly #log: StoreLog;
  readonly #localClock: Clock;
  #best:
    | { readonly offset: Milliseconds; readonly roundTrip: Milliseconds; readonly takenAt: Milliseconds }
    | undefined;
  #hasWarned = false;

  constructor(log: StoreLog, localClock: Clock = Date.now) {
    this.#log = log;
    this.#localClock = localClock;
  }

  /** The time of the server in whole milliseconds. Before the first sample it is the time of this machine. */
  now(): Milliseconds {
    return this.#best === undefined ? this.#localClock() : Math.floor(performance.now() + this.#best.offset);
  }

  add({ serverTime, sentAt, receivedAt }: TimeSample): void {
    const roundTrip = receivedAt - sentAt;
    if (this.#best === undefined || roundTrip <= this.#best.roundTrip || receivedAt - this.#best.takenAt > MAX_AGE_MS) {
      this.#best = { offset: serverTime - (sentAt + receivedAt) / 2, roundTrip, takenAt: receivedAt };
      this.#compare();
    }
  }

  /** Forgets the samples: after a reconnection the server may be another one. `now` keeps its offset until the next sample. */
  expire(): void {
    this.#best &&= { ...this.#best, roundTrip: Number.POSITIVE_INFINITY };
  }

  #compare(): void {
    const difference = this.#localClock() - this.now();
    if (!this.#hasWarned && Math.abs(difference) > MAX_DIFFERENCE_MS) {
      this.#hasWarned = true;
      const seconds = Math.round(Math.abs(difference) / 1000);
      this.#log.warn(
        { seconds, localClockIs: difference > 0 ? 'ahead' : 'behind' },
        'the clock of this machine differs from the clock of the store: synchronize both with NTP',
      );
    }
  }
}
