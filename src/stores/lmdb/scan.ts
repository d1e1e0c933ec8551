import type { Database } from 'lmdb';
import type { LmdbEnvironment } from './environment.ts';

const PAGE = 1000;

/**
 * Yields every value of a table. It reads them in pages: the event loop is free between two pages, and no snapshot is held
 * for long, which would prevent pages of the file from being reused.
 */
export async function* scan<V>(environment: LmdbEnvironment, table: Database<V, string>): AsyncGenerator<V> {
  let last: string | undefined;
  do {
    const after = last === undefined ? {} : { start: last, exclusiveStart: true };
    const page = environment.read(() => [...table.getRange({ ...after, limit: PAGE })]);
    yield* page.map(({ value }) => value);
    last = page.at(-1)?.key;
  } while (last !== undefined);
}
