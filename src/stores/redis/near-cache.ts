export interface NearCacheOptions {
  /** How many values it holds at the most; past it the one that was not read for the longest time goes. */
  readonly maxEntries: number;
}

/**
 * Values of a server that says when one of them changes, kept in this process.
 *
 * What the server says may overtake the answer to a read: a value that is invalidated while it is being read is
 * handed to who asked for it, who asked before the change, and not kept.
 */
export class NearCache<V> {
  /** In the order of their latest use. */
  readonly #values = new Map<string, V>();
  /** The latest read of each key that is under way and has not been overtaken. */
  readonly #reads = new Map<string, symbol>();
  readonly #maxEntries: number;

  constructor({ maxEntries }: NearCacheOptions) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: string): V | undefined {
    const value = this.#values.get(key);
    if (value !== undefined) {
      this.#values.delete(key);
      this.#values.set(key, value);
    }
    return value;
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
    this.#values.delete(key);
    this.#reads.delete(key);
  }

  clear(): void {
    this.#values.clear();
    this.#reads.clear();
  }

  #keep(key: string, value: V): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > this.#maxEntries) {
      const [oldest] = this.#values.keys();
      this.#values.delete(oldest as string);
    }
  }
}
