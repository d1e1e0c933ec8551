import type { Database } from 'lmdb';
import type { LmdbEnvironment } from './environment.ts';

const PAGE = 1000;

/**
 * Every value of a table, a page at a time: the event loop gets its turn between two, and no snapshot is held for
 * long, which would keep the file's pages from being used again.
 */
export async function* walk<V>(environment: LmdbEnvironment, table: Database<V, string>): AsyncGenerator<V> {
  let last: string | undefined;
  do {
    const after = last === undefined ? {} : { start: last, exclusiveStart: true };
    const page = environment.read(() => [...table.getRange({ ...after, limit: PAGE })]);
    yield* page.map(({ value }) => value);
    last = page.at(-1)?.key;
  } while (last !== undefined);
}
