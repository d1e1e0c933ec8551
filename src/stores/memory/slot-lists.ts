import type { Slot } from './record-table.ts';

const PAGE_SLOTS = 1024;

/** A map from keys to slots: a `Map`, or something that does the same. */
interface SlotsByKey<K> {
  get(key: K): Slot | undefined;
  set(key: K, slot: Slot): unknown;
  delete(key: K): unknown;
  clear(): void;
}

/**
 * A list of slots for each key, where a slot is in one list at the most: linked both ways, in eight bytes a slot. Sets
 * would take some hundred.
 */
export class SlotLists<K> {
  readonly #heads: SlotsByKey<K>;
  readonly #next = new Links();
  readonly #previous = new Links();

  constructor(heads: SlotsByKey<K>) {
    this.#heads = heads;
  }

  add(key: K, slot: Slot): void {
    const head = this.#heads.get(key);
    this.#next.set(slot, head);
    this.#previous.set(slot, undefined);
    if (head !== undefined) {
      this.#previous.set(head, slot);
    }
    this.#heads.set(key, slot);
  }

  /** Takes a slot out of the list of a key, in which it must be. */
  delete(key: K, slot: Slot): void {
    const next = this.#next.get(slot);
    const previous = this.#previous.get(slot);
    if (next !== undefined) {
      this.#previous.set(next, previous);
    }
    if (previous !== undefined) {
      this.#next.set(previous, next);
    } else if (next !== undefined) {
      this.#heads.set(key, next);
    } else {
      this.#heads.delete(key);
    }
  }

  /** The slots of a key, the latest first. A slot may be taken out while it is visited. */
  *slots(key: K): Iterable<Slot> {
    let slot = this.#heads.get(key);
    while (slot !== undefined) {
      const next = this.#next.get(slot);
      yield slot;
      slot = next;
    }
  }

  clear(): void {
    this.#heads.clear();
    this.#next.clear();
    this.#previous.clear();
  }
}

/** From slots to slots, in pages, so that nothing big is copied when it grows. */
class Links {
  readonly #pages: Int32Array[] = [];

  /** Of a slot that was set. */
  get(slot: Slot): Slot | undefined {
    const page = this.#pages[Math.floor(slot / PAGE_SLOTS)] as Int32Array;
    const target = page[slot % PAGE_SLOTS] as number;
    return target === 0 ? undefined : target - 1;
  }

  /** Zero stands for none, so that a new page holds none. */
  set(slot: Slot, target: Slot | undefined): void {
    const number = Math.floor(slot / PAGE_SLOTS);
    this.#pages[number] ??= new Int32Array(PAGE_SLOTS);
    this.#pages[number][slot % PAGE_SLOTS] = target === undefined ? 0 : target + 1;
  }

  clear(): void {
    this.#pages.length = 0;
  }
}
