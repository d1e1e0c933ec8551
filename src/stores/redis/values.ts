import type { RedisConnection } from './connection.ts';

/**
 * A value as text, with its version in front: `["version",{…}]`. A script on the server compares the version by the
 * prefix and does not parse the rest.
 */
export function encode(version: string, value: object): string {
  return `${prefixOf(version)}${JSON.stringify(value)}]`;
}

/** The prefix of a value of this version. No other version has it: the closing quote of the JSON string is part of it. */
export function prefixOf(version: string): string {
  return `[${JSON.stringify(version)},`;
}

/** @throws SyntaxError if `encode` did not write the text. */
export function decode<T>(text: string): readonly [version: string, value: T] {
  return JSON.parse(text);
}

/** Yields each value whose key starts with `keyPrefix` once, and reads about 500 of them at a time. */
export async function* scan<V>(
  { client }: RedisConnection,
  keyPrefix: string,
  toValue: (text: string) => V,
): AsyncGenerator<V> {
  const pattern = `${keyPrefix.replace(/[\\*?[\]^]/g, '\\$&')}*`;
  // SCAN may return a key more than once.
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
