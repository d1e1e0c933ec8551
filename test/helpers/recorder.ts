import { EventEmitter, once } from 'node:events';
import { inspect } from 'node:util';

/** Longer than an event takes on a busy machine. */
const LIMIT_MS = 60_000;

/** Records events, and waits for them. */
export class Recorder<T> {
  readonly all: T[] = [];
  readonly #added = new EventEmitter().setMaxListeners(100);

  add(item: T): void {
    this.all.push(item);
    this.#added.emit('added');
  }

  /** Resolves with the first recorded item that matches, or with the next one. `from` skips earlier items. */
  async first(what: string, matches: (item: T) => boolean, from = 0): Promise<T> {
    const signal = AbortSignal.timeout(LIMIT_MS);
    for (;;) {
      const found = this.all.slice(from).find(matches);
      if (found !== undefined) {
        return found;
      }
      await once(this.#added, 'added', { signal }).catch(() => {
        throw new Error(`${what} did not happen: ${inspect(this.all.slice(from), { depth: 4 })}`);
      });
    }
  }

  /** Resolves with the first item that matches and is recorded after this call. */
  next(what: string, matches: (item: T) => boolean): Promise<T> {
    return this.first(what, matches, this.all.length);
  }
}
