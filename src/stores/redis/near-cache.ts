export interface NearCacheOptions {
  /** The largest number of values, at least two. The half that was used last is always among them. */
  readonly maxEntries: number;
}

/**
 * Keeps values of a server in this process until the server reports that they changed.
 *
 * An invalidation may arrive before the reply to a read. The value is then returned to the caller but not cached.
 *
 * Why not the client's `clientSideCache`: it caches such a value if FLUSHALL was the change, and each hit is a promise
 * for a copy of the text (4.1 µs decoded, 0.6 µs here).
 */
export class NearCache<V> {
  // Two generations, because evicting from one Map in order of use takes 3 µs and more: V8 scans its deleted entries.
  #recent = new Map<string, V>();
  #older = new Map<string, V>();
  /** The latest read of each key that is in progress and that no invalidation has overtaken. */
  readonly #reads = new Map<string, symbol>();
  readonly #maxRecent: number;

  constructor({ maxEntries }: NearCacheOptions) {
    this.#maxRecent = Math.max(1, Math.floor(maxEntries / 2));
  }

  get size(): number {
    return this.#recent.size + this.#older.size;
  }

  get(key: string): V | undefined {
    const value = this.#recent.get(key);
    if (value !== undefined) {
      return value;
    }
    const older = this.#older.get(key);
    if (older !== undefined) {
      this.#keep(key, older);
    }
    return older;
  }

  /** Reads a value from the server and caches it. A missing value is not cached. */
  async load(key: string, read: () => Promise<V | undefined>): Promise<V | undefined> {
    const ticket = Symbol(key);
    this.#reads.set(key, ticket);
    try {
      const value = await read();
      if (value !== undefined && this.#reads.get(key) === ticket) {
        this.#keep(key, value);
      }
      return value;
    } finally {
      if (this.#reads.get(key) === ticket) {
        this.#reads.delete(key);
      }
    }
  }

  invalidate(key: string): void {
    this.#recent.delete(key);
    this.#older.delete(key);
    this.#reads.delete(key);
  }

  clear(): void {
    this.#recent.clear();
    this.#older.clear();
    this.#reads.clear();
  }

  #keep(key: string, value: V): void {
    this.#older.delete(key);
    if (this.#recent.size >= this.#maxRecent && !this.#recent.has(key)) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(key, value);
  }
}
