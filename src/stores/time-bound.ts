import { StoreFull, StoreUnavailable } from '../errors.ts';
import { clockOf, type SessionStore } from '../sessions/session-store.ts';
import { type Clock, isThenable, type MaybePromise, type Milliseconds, type ObserveCall } from '../types.ts';
import type { FailureCounter } from '../users/failure-counter.ts';
import type { UserStore } from '../users/user-store.ts';
import {
  ANYTHING,
  BOOLEAN,
  COUNT,
  type ContractLog,
  contractOf,
  type Expected,
  FAILURES,
  FAILURES_OR_UNDEFINED,
  ITERABLE,
  SESSION,
  SESSIONS,
  USER,
} from './contract.ts';
import { withTimeout } from './engine.ts';
import { observed } from './observed.ts';

/**
 * Returns the store with every failure turned into one error, within a bounded time: a method that throws, rejects, does
 * not answer within `timeoutMs`, or answers with something else than its contract says, throws or rejects with
 * `StoreUnavailable` (503); the reason is its cause. A method that answers without a promise still does. `observe` gets each
 * call.
 */
export function timeBoundSessionStore(
  store: SessionStore,
  timeoutMs: Milliseconds,
  log = SILENT,
  observe?: ObserveCall,
): SessionStore {
  const bound = boundMethods('session store', timeoutMs, log, observe);
  return {
    create: bound('create', BOOLEAN, (record) => store.create(record)),
    find: bound('find', SESSION, (id, latest) => store.find(id, latest)),
    replace: bound('replace', BOOLEAN, (next, expectedVersion) => store.replace(next, expectedVersion)),
    remove: bound('remove', BOOLEAN, (id) => store.remove(id)),
    listByUser: bound('listByUser', SESSIONS, (owner) => store.listByUser(owner)),
    removeByUser: bound('removeByUser', COUNT, (owner, keep) => store.removeByUser(owner, keep)),
    list: bound('list', ITERABLE, () => store.list()) as SessionStore['list'],
    ping: bound('ping', ANYTHING, () => store.ping()),
    now: bound('now', COUNT, clockOf(store)) as Clock,
    close: () => store.close(),
  };
}

/** The same for the methods of a user store that sign-in needs. */
export function timeBoundUsers(
  store: SignInUsers,
  timeoutMs: Milliseconds,
  log = SILENT,
  observe?: ObserveCall,
): SignInUsers {
  const bound = boundMethods('user store', timeoutMs, log, observe);
  return {
    find: bound('find', USER, (key) => store.find(key)),
    replace: bound('replace', BOOLEAN, (next, expectedVersion) => store.replace(next, expectedVersion)),
  };
}

/** The same for a user store. */
export function timeBoundUserStore(store: UserStore, timeoutMs: Milliseconds, log = SILENT): UserStore {
  const bound = boundMethods('user store', timeoutMs, log);
  return {
    ...timeBoundUsers(store, timeoutMs, log),
    create: bound('create', BOOLEAN, (user) => store.create(user)),
    remove: bound('remove', BOOLEAN, (key) => store.remove(key)),
    list: bound('list', ITERABLE, () => store.list()) as UserStore['list'],
    close: () => store.close(),
  };
}

/** The same for a failure counter. */
export function timeBoundFailureCounter(
  counter: FailureCounter,
  timeoutMs: Milliseconds,
  log = SILENT,
  observe?: ObserveCall,
): FailureCounter {
  const bound = boundMethods('failure counter', timeoutMs, log, observe);
  return {
    get: bound('get', FAILURES_OR_UNDEFINED, (key) => counter.get(key)),
    increment: bound('increment', FAILURES, (key) => counter.increment(key)),
    decrement: bound('decrement', ANYTHING, (key, windowId, by) => counter.decrement(key, windowId, by)),
    take: bound('take', COUNT, (key) => counter.take(key)),
  };
}

const SILENT: ContractLog = { error() {} };

type SignInUsers = Pick<UserStore, 'find' | 'replace'>;

/** Bounds the methods of a store, checks what they return, and reports them. */
function boundMethods(store: string, timeoutMs: Milliseconds, log: ContractLog, observe?: ObserveCall) {
  const check = contractOf(store, log);
  return <A extends unknown[], T>(name: string, expected: Expected, method: Method<A, T>): Method<A, T> =>
    observed(
      store,
      name,
      timeBound(timeoutMs, method, (answer) => check(name, answer, expected)),
      observe,
    );
}

type Method<A extends unknown[], T> = (...args: A) => MaybePromise<T>;

/** Bounds one method of a store: see {@link timeBoundSessionStore}. `check` returns the answer, or throws. */
export function timeBound<A extends unknown[], T>(
  timeoutMs: Milliseconds,
  method: Method<A, T>,
  check = (answer: T) => answer,
): Method<A, T> {
  return (...args) => {
    try {
      const answer = method(...args);
      return isThenable(answer) ? answerInTime(timeoutMs, answer.then(check)) : check(answer);
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
