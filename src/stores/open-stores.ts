import { Type } from '@sinclair/typebox';
import type { SessionStore } from '../sessions/session-store.ts';
import { objectWith, optionalFunction, readOptions, settings } from '../settings.ts';
import type { Clock } from '../types.ts';
import type { OpenFailureCounter } from '../users/failure-counter.ts';
import type { UserStore } from '../users/user-store.ts';
import type { StoreLog } from './engine.ts';
import { openMemoryFailureCounter } from './memory/failure-counter.ts';
import { MemorySessionStore } from './memory/session-store.ts';
import { MemoryUserStore } from './memory/user-store.ts';
import { parseStoreUrl, type RedisServer } from './store-url.ts';

/** The stores of one engine, on one connection or database. */
export interface Stores {
  readonly sessions: SessionStore;
  readonly users: UserStore;
  /** In Redis all instances share the counts. With the other engines each process has its own. */
  readonly openFailureCounter: OpenFailureCounter;
}

export interface OpenStoresOptions {
  /** How long the server may take to answer a ping, in milliseconds. Default 500. */
  readonly timeoutMs?: number;
  /** The prefix of every key in Redis. Default `login:`. */
  readonly keyPrefix?: string;
  /** The most sessions that the memory store keeps. Default 1,000,000. */
  readonly maxSessions?: number;
  /** Default: the clock of the Redis server, and `Date.now` with the other engines. */
  readonly clock?: Clock;
  /** Logs when a connection is lost and restored. Default: no log. */
  readonly log?: StoreLog;
}

const OPTIONS = {
  timeoutMs: settings.storeTimeoutMs,
  keyPrefix: settings.keyPrefix,
  maxSessions: settings.maxSessions,
  clock: optionalFunction,
  log: Type.Optional(objectWith('info', 'warn')),
};

type CheckedOptions = ReturnType<typeof readOptions<typeof OPTIONS, OpenStoresOptions>>;

const SILENT: StoreLog = { info() {}, warn() {} };

/**
 * Opens the stores that a `STORE_URL` names. The code of an engine is loaded when it is used.
 * @throws TypeError if the URL is invalid; StoreOpenError if the store cannot be opened and waiting would not help.
 */
export async function openStores(storeUrl: string, options: OpenStoresOptions = {}): Promise<Stores> {
  const checked = readOptions('openStores', OPTIONS, options);
  const { clock = Date.now, maxSessions } = checked;
  const location = parseStoreUrl(storeUrl);
  switch (location.engine) {
    case 'memory':
      return {
        sessions: new MemorySessionStore({ maxSessions, clock }),
        users: new MemoryUserStore(),
        openFailureCounter: openMemoryFailureCounter,
      };
    case 'lmdb':
      return openLmdb(location.path, clock, options.log);
    case 'redis':
      return openRedis(location.server, checked);
  }
}

/** Closes the stores and what they share. */
export async function closeStores({ sessions, users }: Pick<Stores, 'sessions' | 'users'>): Promise<void> {
  await sessions.close();
  await users.close();
}

async function openLmdb(path: string, clock: Clock, log = SILENT): Promise<Stores> {
  const [{ LmdbEnvironment }, { LmdbSessionStore }, { LmdbUserStore }] = await Promise.all([
    import('./lmdb/environment.ts'),
    import('./lmdb/session-store.ts'),
    import('./lmdb/user-store.ts'),
  ]);
  const environment = await LmdbEnvironment.open(path, log);
  return {
    sessions: new LmdbSessionStore(environment, { clock }),
    users: new LmdbUserStore(environment),
    openFailureCounter: openMemoryFailureCounter,
  };
}

async function openRedis(
  server: RedisServer,
  { timeoutMs, keyPrefix, log = SILENT, clock }: CheckedOptions,
): Promise<Stores> {
  const [{ RedisConnection }, { RedisFailureCounter }, { RedisSessionStore }, { RedisUserStore }] = await Promise.all([
    import('./redis/connection.ts'),
    import('./redis/failure-counter.ts'),
    import('./redis/session-store.ts'),
    import('./redis/user-store.ts'),
  ]);
  const connection = await RedisConnection.open(server, { timeoutMs, keyPrefix, log });
  return {
    sessions: new RedisSessionStore(connection, clock && { clock }),
    users: new RedisUserStore(connection),
    openFailureCounter: (name, windowSeconds) => new RedisFailureCounter(connection, name, windowSeconds),
  };
}
