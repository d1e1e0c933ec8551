/** A map from keys to sets of values: a `Map`, or something that does the same. */
interface SetsByKey<K, V> {
  get(key: K): Set<V> | undefined;
  set(key: K, values: Set<V>): unknown;
  delete(key: K): unknown;
}

/** Adds a value to the set of a key. */
export function addTo<K, V>(sets: SetsByKey<K, V>, key: K, value: V): void {
  const set = sets.get(key);
  if (set) {
    set.add(value);
  } else {
    sets.set(key, new Set([value]));
  }
}

/** Takes a value out of the set of a key, and the key with its last value. */
export function removeFrom<K, V>(sets: SetsByKey<K, V>, key: K, value: V): void {
  const set = sets.get(key);
  if (set?.delete(value) && set.size === 0) {
    sets.delete(key);
  }
}
