import { StoreFull, StoreUnavailable } from '../errors.ts';
import { isThenable, type MaybePromise } from '../maybe-promise.ts';
import type { Milliseconds } from '../sessions/record.ts';
import type { FailureLimiter } from './failure-limiter.ts';
import type { SessionStore } from './session-store.ts';
import type { UserStore } from './user-store.ts';
import { within } from './within.ts';

/**
 * The same store with every failure told in one way and within a bounded time: a method that throws, rejects or
 * does not answer within `timeoutMs` throws or rejects with `StoreUnavailable` (503), its reason as the cause. What
 * answers at once still answers at once.
 */
export function timeBoundSessionStore(store: SessionStore, timeoutMs: Milliseconds): SessionStore {
  const bound = timeBound(timeoutMs);
  return {
    create: bound((record) => store.create(record)),
    find: bound((id, latest) => store.find(id, latest)),
    replace: bound((next, expectedHash) => store.replace(next, expectedHash)),
    remove: bound((id) => store.remove(id)),
    listByUser: bound((username) => store.listByUser(username)),
    removeByUser: bound((username, keep) => store.removeByUser(username, keep)),
    list: () => store.list(),
    ping: bound(() => store.ping()),
    close: () => store.close(),
  };
}

/** The same for a store of users. */
export function timeBoundUserStore(store: UserStore, timeoutMs: Milliseconds): UserStore {
  const bound = timeBound(timeoutMs);
  return {
    create: bound((user) => store.create(user)),
    find: bound((username) => store.find(username)),
    replace: bound((next, expectedVersion) => store.replace(next, expectedVersion)),
    remove: bound((username) => store.remove(username)),
    list: () => store.list(),
    close: () => store.close(),
  };
}

/** The same for a limiter of failures. */
export function timeBoundFailureLimiter(limiter: FailureLimiter, timeoutMs: Milliseconds): FailureLimiter {
  const bound = timeBound(timeoutMs);
  return {
    get: async (key) => bound(() => limiter.get(key))(),
    penalty: async (key, points) => bound(() => limiter.penalty(key, points))(),
    reward: async (key, points) => bound(() => limiter.reward(key, points))(),
    take: async (key) => bound(() => limiter.take(key))(),
  };
}

type Method<A extends unknown[], T> = (...args: A) => MaybePromise<T>;

/** Wraps one method of a store: see {@link timeBoundSessionStore}. */
export function timeBound(timeoutMs: Milliseconds) {
  return <A extends unknown[], T>(method: Method<A, T>): Method<A, T> =>
    (...args) => {
      try {
        const answer = method(...args);
        return isThenable(answer) ? answerWithin(timeoutMs, answer) : answer;
      } catch (error) {
        throw failure(error);
      }
    };
}

function answerWithin<T>(timeoutMs: Milliseconds, answer: PromiseLike<T>): Promise<T> {
  return within(timeoutMs, answer, 'the store').catch((error) => {
    throw failure(error);
  });
}

/** A full store is an answer of its own; everything else that a store throws means that it failed. */
function failure(cause: unknown): Error {
  return cause instanceof StoreFull ? cause : new StoreUnavailable({ cause });
}
