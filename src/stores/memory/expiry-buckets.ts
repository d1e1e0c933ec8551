import type { Milliseconds } from '../../sessions/record.ts';
import type { Slot } from './record-table.ts';
import { SlotLists } from './slot-lists.ts';

/**
 * Slots by the second of their deadline, so that finding the expired ones costs what they are many and not what there
 * is in all.
 */
export class ExpiryBuckets {
  readonly #expiresAt: (slot: Slot) => Milliseconds;
  readonly #heads = new Map<number, Slot>();
  readonly #buckets = new SlotLists<number>(this.#heads);
  /** Every bucket before this second is empty. */
  #cursor = Number.NEGATIVE_INFINITY;

  /** `expiresAt` tells the deadline of a slot, which must not change while the slot is here. */
  constructor(expiresAt: (slot: Slot) => Milliseconds) {
    this.#expiresAt = expiresAt;
  }

  add(slot: Slot): void {
    const second = toSecond(this.#expiresAt(slot));
    this.#buckets.add(second, slot);
    this.#cursor = Math.min(this.#cursor, second);
  }

  delete(slot: Slot): void {
    this.#buckets.delete(toSecond(this.#expiresAt(slot)), slot);
  }

  clear(): void {
    this.#buckets.clear();
  }

  /** What has expired by now, `limit` at the most. It stays until it is deleted. */
  due(now: Milliseconds, limit: number): Slot[] {
    const current = toSecond(now);
    const found = this.#expired(now, current, limit);
    this.#cursor = found[0] === undefined ? current : toSecond(this.#expiresAt(found[0]));
    return found;
  }

  /** The earliest second first. */
  #expired(now: Milliseconds, current: number, limit: number): Slot[] {
    const found: Slot[] = [];
    for (const second of this.#secondsUntil(current)) {
      for (const slot of this.#buckets.slots(second)) {
        if (found.length === limit) {
          return found;
        }
        if (this.#expiresAt(slot) <= now) {
          found.push(slot);
        }
      }
    }
    return found;
  }

  /** The seconds to look at: counted up from the cursor or, after a leap of the clock, those there are. */
  *#secondsUntil(current: number): Iterable<number> {
    if (current - this.#cursor > this.#heads.size) {
      yield* [...this.#heads.keys()].filter((second) => second <= current).sort((a, b) => a - b);
    } else {
      for (let second = this.#cursor; second <= current; second++) {
        yield second;
      }
    }
  }
}

function toSecond(time: Milliseconds): number {
  return Math.floor(time / 1000);
}
