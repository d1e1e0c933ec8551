export interface NearCacheOptions {
  /** How many values it holds at the most, two at least. The half that was read last is sure to be among them. */
  readonly maxEntries: number;
}

/**
 * Values of a server that says when one of them changes, kept in this process.
 *
 * What the server says may overtake the answer to a read: a value that is invalidated while it is being read is
 * handed to who asked for it, who asked before the change, and not kept.
 */
export class NearCache<V> {
  /** Those that were used since the latest turn of generations, and those that were last used in the one before. */
  #recent = new Map<string, V>();
  #older = new Map<string, V>();
  /** The latest read of each key that is under way and has not been overtaken. */
  readonly #reads = new Map<string, symbol>();
  readonly #maxRecent: number;

  constructor({ maxEntries }: NearCacheOptions) {
    this.#maxRecent = Math.max(1, Math.floor(maxEntries / 2));
  }

  get size(): number {
    return this.#recent.size + this.#older.size;
  }

  get(key: string): V | undefined {
    // To move a value to the end of one map at each use would cost more than to find it.
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

  /** Reads a value from the server and keeps it if it is there. That there is none is never kept. */
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
