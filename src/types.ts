/** A point in time or a duration in milliseconds; points in time count from the epoch, as `Date.now` does. */
export type Milliseconds = number;

/** A point in time in ISO 8601, UTC. */
export function toIso(time: Milliseconds): string {
  return new Date(time).toISOString();
}

/** Returns the current time. It is injected wherever time matters, so that tests set it and never sleep. */
export type Clock = () => Milliseconds;

/** A value, or a promise of it. A caller awaits it, or passes it to {@link whenReady}. */
export type MaybePromise<T> = T | Promise<T>;

/**
 * Gets each call of a store, for metrics: the store, its method, the time that the call took, and what came of it. `sync` tells that
 * the store answered without a promise.
 */
export type ObserveCall = (
  store: string,
  method: string,
  milliseconds: Milliseconds,
  outcome: 'ok' | 'full' | 'error',
  sync: boolean,
) => void;

/** Whether the value is a promise, also one of another realm or library. */
export function isThenable<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof (value as Promise<T> | undefined)?.then === 'function';
}

/** Calls `next` with the value: at once if it is there, without the cost of a promise. */
export function whenReady<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return isThenable(value) ? value.then(next) : next(value);
}
