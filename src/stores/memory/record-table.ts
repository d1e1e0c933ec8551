import type { Milliseconds, ReplacedSecret, SessionRecord } from '../../sessions/record.ts';
import { HashColumn } from './hash-column.ts';

/** The place of a record in a table, from 0 up. */
export type Slot = number;

/** Slots in a page: few enough that a small table is small, many enough that a big one has few pages. */
const PAGE_SLOTS = 1024;
/** How many names of devices are kept to be shared. */
const MAX_SHARED = 1000;

/**
 * Session records in columns. An object for each would take some four times the memory of what it says, and the garbage
 * collector would have to visit every one of them.
 *
 * The table grows a page at a time, so that nothing big is ever copied, and keeps the pages it has.
 */
export class RecordTable {
  readonly #pages: Page[] = [];
  readonly #free: Slot[] = [];
  readonly #shared = new Map<string, string>();

  /** Puts a record into a slot that it finds. */
  add(record: SessionRecord): Slot {
    if (this.#free.length === 0) {
      this.#grow();
    }
    const slot = this.#free.pop() as Slot;
    this.set(slot, record);
    return slot;
  }

  set(slot: Slot, record: SessionRecord): void {
    this.#pageOf(slot).set(slot % PAGE_SLOTS, { ...record, device: this.#share(record.device) });
  }

  get(slot: Slot): SessionRecord {
    return this.#pageOf(slot).get(slot % PAGE_SLOTS);
  }

  expiresAt(slot: Slot): Milliseconds {
    return this.#pageOf(slot).expiresAt(slot % PAGE_SLOTS);
  }

  delete(slot: Slot): void {
    this.#pageOf(slot).delete(slot % PAGE_SLOTS);
    this.#free.push(slot);
  }

  clear(): void {
    this.#pages.length = 0;
    this.#free.length = 0;
    this.#shared.clear();
  }

  #pageOf(slot: Slot): Page {
    return this.#pages[Math.floor(slot / PAGE_SLOTS)] as Page;
  }

  #grow(): void {
    const first = this.#pages.length * PAGE_SLOTS;
    this.#pages.push(new Page());
    for (let slot = first + PAGE_SLOTS - 1; slot >= first; slot--) {
      this.#free.push(slot);
    }
  }

  /** One string for all sessions on devices of one name: there are few of them, and each sign-in makes the name anew. */
  #share(device: string): string {
    const shared = this.#shared.get(device);
    if (shared !== undefined) {
      return shared;
    }
    if (this.#shared.size === MAX_SHARED) {
      this.#shared.clear();
    }
    this.#shared.set(device, device);
    return device;
  }
}

class Page {
  readonly #ids = new Array<string>(PAGE_SLOTS).fill('');
  readonly #usernames = new Array<string>(PAGE_SLOTS).fill('');
  readonly #addresses = new Array<string>(PAGE_SLOTS).fill('');
  readonly #devices = new Array<string>(PAGE_SLOTS).fill('');
  readonly #replaced = new Array<readonly ReplacedSecret[] | undefined>(PAGE_SLOTS).fill(undefined);
  readonly #hashes = new HashColumn(PAGE_SLOTS);
  readonly #createdAt = new Float64Array(PAGE_SLOTS);
  readonly #authenticatedAt = new Float64Array(PAGE_SLOTS);
  readonly #expiresAt = new Float64Array(PAGE_SLOTS);
  readonly #endsAt = new Float64Array(PAGE_SLOTS);

  get(i: number): SessionRecord {
    const record = {
      id: this.#ids[i] as string,
      secretHash: this.#hashes.get(i),
      username: this.#usernames[i] as string,
      createdAt: this.#createdAt[i] as number,
      authenticatedAt: this.#authenticatedAt[i] as number,
      expiresAt: this.#expiresAt[i] as number,
      endsAt: this.#endsAt[i] as number,
      address: this.#addresses[i] as string,
      device: this.#devices[i] as string,
    };
    const replaced = this.#replaced[i];
    return replaced === undefined ? record : Object.assign(record, { replaced });
  }

  expiresAt(i: number): Milliseconds {
    return this.#expiresAt[i] as number;
  }

  set(i: number, record: SessionRecord): void {
    this.#ids[i] = record.id;
    this.#usernames[i] = record.username;
    this.#addresses[i] = record.address;
    this.#devices[i] = record.device;
    this.#replaced[i] = record.replaced;
    this.#hashes.set(i, record.secretHash);
    this.#createdAt[i] = record.createdAt;
    this.#authenticatedAt[i] = record.authenticatedAt;
    this.#expiresAt[i] = record.expiresAt;
    this.#endsAt[i] = record.endsAt;
  }

  /** Lets go of what it points to. The numbers that stay are nobody's. */
  delete(i: number): void {
    this.#ids[i] = '';
    this.#usernames[i] = '';
    this.#addresses[i] = '';
    this.#devices[i] = '';
    this.#replaced[i] = undefined;
    this.#hashes.delete(i);
  }
}
