import type { Milliseconds } from '../../sessions/record.ts';
import { addTo, removeFrom } from './sets.ts';

interface Expiring {
  readonly expiresAt: Milliseconds;
}

/**
 * Things by the second of their deadline, so that finding the expired ones costs what they are many and not
 * what there is in all.
 */
export class ExpiryBuckets<T extends Expiring> {
  readonly #buckets = new Map<number, Set<T>>();
  /** Every bucket before this second has been emptied. */
  #cursor = Number.NEGATIVE_INFINITY;

  add(item: T): void {
    const second = toSecond(item.expiresAt);
    addTo(this.#buckets, second, item);
    this.#cursor = Math.min(this.#cursor, second);
  }

  delete(item: T): void {
    removeFrom(this.#buckets, toSecond(item.expiresAt), item);
  }

  clear(): void {
    this.#buckets.clear();
  }

  /** What has expired by now, `limit` at the most. It stays until it is deleted. */
  due(now: Milliseconds, limit: number): T[] {
    const found: T[] = [];
    for (const second of this.#secondsUntil(toSecond(now))) {
      for (const item of this.#buckets.get(second) ?? []) {
        if (found.length === limit) {
          return found;
        }
        if (item.expiresAt <= now) {
          found.push(item);
        }
      }
    }
    return found;
  }

  /** The seconds to look at: counted up from the cursor or, after a leap of the clock, those there are. */
  *#secondsUntil(current: number): Iterable<number> {
    if (current - this.#cursor > this.#buckets.size) {
      yield* [...this.#buckets.keys()].filter((second) => second <= current);
    } else {
      for (let second = this.#cursor; second <= current; second++) {
        yield second;
      }
    }
    this.#cursor = current;
  }
}

function toSecond(time: Milliseconds): number {
  return Math.floor(time / 1000);
}
