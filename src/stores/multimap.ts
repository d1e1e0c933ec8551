/** Several values under one key. A key without values takes no memory. */
export class Multimap<K, V> {
  readonly #sets = new Map<K, Set<V>>();

  /** How many keys have a value. */
  get size(): number {
    return this.#sets.size;
  }

  keys(): Iterable<K> {
    return this.#sets.keys();
  }

  /** The values of a key, in the order they came. */
  get(key: K): Iterable<V> {
    return this.#sets.get(key) ?? [];
  }

  add(key: K, value: V): void {
    const set = this.#sets.get(key);
    if (set) {
      set.add(value);
    } else {
      this.#sets.set(key, new Set([value]));
    }
  }

  delete(key: K, value: V): void {
    const set = this.#sets.get(key);
    if (set?.delete(value) && set.size === 0) {
      this.#sets.delete(key);
    }
  }

  clear(): void {
    this.#sets.clear();
  }
}
