import type { Clock } from '../sessions/record.ts';
import type { OpenFailureLimiter } from './failure-limiter.ts';
import { openMemoryFailureLimiter } from './memory/failure-limiter.ts';
import { MemorySessionStore } from './memory/session-store.ts';
import { MemoryUserStore } from './memory/user-store.ts';
import type { SessionStore } from './session-store.ts';
import type { StoreLog } from './store-log.ts';
import { parseStoreUrl, type RedisServer } from './store-url.ts';
import type { UserStore } from './user-store.ts';

/** Where sessions, users and counts of failures are kept. All share what one engine holds open. */
export interface Stores {
  readonly sessions: SessionStore;
  readonly users: UserStore;
  /** With Redis, all instances share the counts; with the others, each process has its own. */
  readonly openFailureLimiter: OpenFailureLimiter;
}

export interface OpenStoresOptions {
  /** How long a server may take for a sign of life, in milliseconds. Default 500. */
  readonly timeoutMs?: number;
  /** In front of every key in Redis. Default `login:`. */
  readonly keyPrefix?: string;
  /** How many sessions the store in memory holds. Default 1,000,000. */
  readonly maxSessions?: number;
  /** Default `Date.now`. */
  readonly clock?: Clock;
  /** Hears of connections that are lost and found. Default: nobody. */
  readonly log?: StoreLog;
}

const SILENT: StoreLog = { info() {}, warn() {} };

/**
 * The stores that a `STORE_URL` names. An engine is loaded only when it is used.
 * @throws TypeError when it names none; StoreNotOpened when there is no use in waiting for it.
 */
export async function openStores(storeUrl: string, options: OpenStoresOptions = {}): Promise<Stores> {
  const { clock = Date.now, maxSessions = 1_000_000 } = options;
  const location = parseStoreUrl(storeUrl);
  switch (location.engine) {
    case 'memory':
      return {
        sessions: new MemorySessionStore({ maxSessions, clock }),
        users: new MemoryUserStore(),
        openFailureLimiter: openMemoryFailureLimiter,
      };
    case 'lmdb':
      return openLmdb(location.path, clock);
    case 'redis':
      return openRedis(location.server, clock, options);
  }
}

/** Closes what they hold open. */
export async function closeStores({ sessions, users }: Pick<Stores, 'sessions' | 'users'>): Promise<void> {
  await sessions.close();
  await users.close();
}

async function openLmdb(path: string, clock: Clock): Promise<Stores> {
  const [{ LmdbEnvironment }, { LmdbSessionStore }, { LmdbUserStore }] = await Promise.all([
    import('./lmdb/environment.ts'),
    import('./lmdb/session-store.ts'),
    import('./lmdb/user-store.ts'),
  ]);
  const environment = new LmdbEnvironment(path);
  return {
    sessions: new LmdbSessionStore(environment, { clock }),
    users: new LmdbUserStore(environment),
    openFailureLimiter: openMemoryFailureLimiter,
  };
}

async function openRedis(
  server: RedisServer,
  clock: Clock,
  { timeoutMs = 500, keyPrefix = 'login:', log = SILENT }: OpenStoresOptions,
): Promise<Stores> {
  const [{ RedisConnection }, { RedisFailureLimiter }, { RedisSessionStore }, { RedisUserStore }] =
    await Promise.all([
      import('./redis/connection.ts'),
      import('./redis/failure-limiter.ts'),
      import('./redis/session-store.ts'),
      import('./redis/user-store.ts'),
    ]);
  const connection = await RedisConnection.open(server, { timeoutMs, keyPrefix, log });
  return {
    sessions: new RedisSessionStore(connection, { clock }),
    users: new RedisUserStore(connection),
    openFailureLimiter: (name, windowSeconds) => new RedisFailureLimiter(connection, name, windowSeconds),
  };
}
