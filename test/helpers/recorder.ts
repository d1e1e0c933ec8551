import { EventEmitter, once } from 'node:events';
import { inspect } from 'node:util';

/** Longer than anything takes that a test waits for. */
const LIMIT_MS = 60_000;

/** Keeps what happened, and waits for more. */
export class Recorder<T> {
  readonly all: T[] = [];
  readonly #added = new EventEmitter().setMaxListeners(100);

  add(item: T): void {
    this.all.push(item);
    this.#added.emit('added');
  }

  /** Resolves with the first item that matches, of all or of those from a position on. */
  async first(what: string, matches: (item: T) => boolean, from = 0): Promise<T> {
    const signal = AbortSignal.timeout(LIMIT_MS);
    for (;;) {
      const found = this.all.slice(from).find(matches);
      if (found !== undefined) {
        return found;
      }
      await once(this.#added, 'added', { signal }).catch(() => {
        throw new Error(`waited in vain for ${what}: ${inspect(this.all.slice(from), { depth: 4 })}`);
      });
    }
  }

  /** Like `first`, of what happens after this call. */
  next(what: string, matches: (item: T) => boolean): Promise<T> {
    return this.first(what, matches, this.all.length);
  }
}
