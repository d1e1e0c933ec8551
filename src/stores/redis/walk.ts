import type { RedisConnection } from './connection.ts';

/** Every value whose key begins so, a few hundred at a time, and each of them once. */
export async function* walk<V>(
  { client }: RedisConnection,
  keyPrefix: string,
  toValue: (text: string) => V,
): AsyncGenerator<V> {
  const pattern = `${keyPrefix.replace(/[\\*?[\]^]/g, '\\$&')}*`;
  // A key may come more than once while others come and go.
  const seen = new Set<string>();
  for await (const keys of client.scanIterator({ MATCH: pattern, COUNT: 500 })) {
    const fresh = keys.filter((key) => !seen.has(key));
    const texts = await Promise.all(fresh.map((key) => client.get(key)));
    for (const [index, text] of texts.entries()) {
      seen.add(fresh[index] as string);
      if (text !== null) {
        yield toValue(text);
      }
    }
  }
}
