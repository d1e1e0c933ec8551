import { type Clock, isThenable } from '../types.ts';
import type { AuthFailure } from './auth-failure.ts';
import { changeSession } from './change-session.ts';
import { changedRecord, type Session } from './session.ts';
import { type StoredData, toStoredData } from './session-data.ts';
import type { SessionStore } from './session-store.ts';

/** Returns the next data of a session. It must return the same for the same argument: it may be called more than once. */
export type DataChange = (data: StoredData) => StoredData;

/** A change that waits, and the promise of its caller. */
interface Update {
  readonly change: DataChange;
  readonly resolve: (outcome: Promise<Session | AuthFailure>) => void;
  /** What `change` threw. */
  failure?: { readonly error: unknown };
}

/**
 * Changes the data of sessions. The changes of one session that arrive while an earlier one is written are written
 * together: otherwise n concurrent calls would need n² operations of the store, each of them would have to try n times, and
 * one client could cause all of that.
 */
export class DataUpdates {
  readonly #store: SessionStore;
  readonly #clock: Clock;
  /** By the id of the session. */
  readonly #waiting = new Map<string, Update[]>();

  constructor(store: SessionStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * Returns the session with its new data. No change of a concurrent call is lost, also of another process.
   * @throws StoreUnavailable; what `change` throws; the errors of `toStoredData`.
   */
  update(id: string, change: DataChange): Promise<Session | AuthFailure> {
    return new Promise((resolve) => {
      const update = { change, resolve };
      const waiting = this.#waiting.get(id);
      if (waiting === undefined) {
        this.#waiting.set(id, [update]);
        this.#writeAll(id);
      } else {
        waiting.push(update);
      }
    });
  }

  async #writeAll(id: string): Promise<void> {
    for (let updates = this.#take(id); updates.length > 0; updates = this.#take(id)) {
      await this.#writeTogether(id, updates);
    }
    this.#waiting.delete(id);
  }

  async #writeTogether(id: string, updates: Update[]): Promise<void> {
    const written = this.#write(id, updates);
    for (const update of updates) {
      update.resolve(
        written.then((outcome) => {
          if (update.failure !== undefined) {
            throw update.failure.error;
          }
          return outcome;
        }),
      );
    }
    await written.catch(() => {});
  }

  #take(id: string): Update[] {
    const updates = this.#waiting.get(id) as Update[];
    this.#waiting.set(id, []);
    return updates;
  }

  #write(id: string, updates: Update[]): Promise<Session | AuthFailure> {
    return changeSession(this.#store, this.#clock, id, async (record) => {
      const data = updates.reduce(applyUpdate, record.session.data);
      if (data === record.session.data) {
        // Every change has failed.
        return record.session;
      }
      const next = changedRecord(record, { session: { ...record.session, data } });
      return (await this.#store.replace(next, record.version)) ? next.session : undefined;
    });
  }
}

/** Returns the data after an update. One that throws changes nothing, and its error is kept for its caller. */
function applyUpdate(data: StoredData, update: Update): StoredData {
  try {
    delete update.failure;
    const changed: unknown = update.change(data);
    if (isThenable(changed)) {
      // It is refused below. If it rejects as well, nobody else handles that, and Node.js would end the process.
      changed.then(undefined, () => {});
    }
    return toStoredData(changed);
  } catch (error) {
    update.failure = { error };
    return data;
  }
}
