/** An answer now or later. Callers always `await`, or look: what answers at once need not pay for a promise. */
export type MaybePromise<T> = T | Promise<T>;

export function isThenable<T>(answer: MaybePromise<T>): answer is Promise<T> {
  return typeof (answer as Promise<T> | undefined)?.then === 'function';
}
