import { StoreFull, StoreUnavailable } from '../errors.ts';
import { clockOf, type SessionStore } from '../sessions/session-store.ts';
import { isThenable, type MaybePromise, type Milliseconds } from '../types.ts';
import type { FailureCounter } from '../users/failure-counter.ts';
import type { UserStore } from '../users/user-store.ts';
import { withTimeout } from './engine.ts';

/**
 * Returns the store with every failure turned into one error, within a bounded time: a method that throws, rejects or does
 * not answer within `timeoutMs` throws or rejects with `StoreUnavailable` (503); the reason is its cause. A method that
 * answers without a promise still does.
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
    now: clockOf(store),
    close: () => store.close(),
  };
}

/** The same for a user store. */
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

/** The same for a failure counter. */
export function timeBoundFailureCounter(counter: FailureCounter, timeoutMs: Milliseconds): FailureCounter {
  const bound = timeBound(timeoutMs);
  return {
    get: async (key) => bound(() => counter.get(key))(),
    penalty: async (key, points) => bound(() => counter.penalty(key, points))(),
    reward: async (key, points) => bound(() => counter.reward(key, points))(),
    take: async (key) => bound(() => counter.take(key))(),
  };
}

type Method<A extends unknown[], T> = (...args: A) => MaybePromise<T>;

/** Bounds one method of a store: see {@link timeBoundSessionStore}. */
export function timeBound(timeoutMs: Milliseconds) {
  return <A extends unknown[], T>(method: Method<A, T>): Method<A, T> =>
    (...args) => {
      try {
        const answer = method(...args);
        return isThenable(answer) ? answerInTime(timeoutMs, answer) : answer;
      } catch (error) {
        throw toStoreError(error);
      }
    };
}

function answerInTime<T>(timeoutMs: Milliseconds, answer: PromiseLike<T>): Promise<T> {
  return withTimeout(timeoutMs, answer, 'the store').catch((error) => {
    throw toStoreError(error);
  });
}

/** A full store is an answer of its own. Every other error means that the store failed. */
function toStoreError(cause: unknown): Error {
  return cause instanceof StoreFull ? cause : new StoreUnavailable({ cause });
}
