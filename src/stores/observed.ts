import { StoreFull } from '../errors.ts';
import { isThenable, type MaybePromise, type Milliseconds, type ObserveCall } from '../types.ts';

/** They are not work of the store: `now` reads a clock, and `list` returns an iterator. */
const NOT_OBSERVED: ReadonlySet<string> = new Set(['now', 'list']);

/** Reports each call of a method of a store. It wraps the time limit, so that a call without an answer counts as an error. */
export function observed<A extends unknown[], T>(
  store: string,
  name: string,
  method: (...args: A) => MaybePromise<T>,
  observe: ObserveCall | undefined,
): (...args: A) => MaybePromise<T> {
  if (observe === undefined || NOT_OBSERVED.has(name)) {
    return method;
  }
  const report = (startedAt: Milliseconds, outcome: 'ok' | 'full' | 'error', sync: boolean) =>
    observe(store, name, performance.now() - startedAt, outcome, sync);
  const fail = (startedAt: Milliseconds, error: unknown): never => {
    report(startedAt, error instanceof StoreFull ? 'full' : 'error', false);
    throw error;
  };
  return (...args) => {
    const startedAt = performance.now();
    let answer: MaybePromise<T>;
    try {
      answer = method(...args);
    } catch (error) {
      return fail(startedAt, error);
    }
    if (isThenable(answer)) {
      return answer.then(
        (value) => {
          report(startedAt, 'ok', false);
          return value;
        },
        (error) => fail(startedAt, error),
      );
    }
    report(startedAt, 'ok', true);
    return answer;
  };
}
