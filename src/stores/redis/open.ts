import { Type } from '@sinclair/typebox';
import { requirePackages } from '../../packages.ts';
import { objectWith, optionalFunction, readOptions, settings } from '../../settings.ts';
import type { Clock } from '../../types.ts';
import { SILENT, type StoreLog } from '../engine.ts';
import { parseStoreUrl } from '../store-url.ts';
import type { Stores } from '../stores.ts';

export interface OpenRedisOptions {
  /** How long the server may take to answer a ping, in milliseconds. Default 500. */
  readonly timeoutMs?: number;
  /** The prefix of every key. Default `login:`. In a cluster it becomes a hash tag: `{login:}`. */
  readonly keyPrefix?: string;
  /** How many replicas must have a change of a session or a user before it is acknowledged. Default 0. */
  readonly waitReplicas?: number;
  /** Default: the clock of the Redis server. */
  readonly clock?: Clock;
  /** Logs when the connection is lost and restored. Default: no log. */
  readonly log?: StoreLog;
}

const OPTIONS = {
  timeoutMs: settings.storeTimeoutMs,
  keyPrefix: settings.keyPrefix,
  waitReplicas: settings.waitReplicas,
  clock: optionalFunction,
  log: Type.Optional(objectWith('info', 'warn')),
};

/**
 * Opens the stores on a Redis or Valkey server, or on the primary of Sentinels or of a cluster. The package @redis/client is loaded here.
 * @throws MissingPackageError without that package; TypeError if the URL is invalid; StoreOpenError if the server cannot
 * be used and waiting would not help.
 */
export async function openRedis(url: string, options: OpenRedisOptions = {}): Promise<Stores> {
  const { clock, log = SILENT, ...rest } = readOptions('openRedis', OPTIONS, options);
  const location = typeof url === 'string' ? parseStoreUrl(url) : undefined;
  if (location?.engine !== 'redis') {
    throw new TypeError(`openRedis: the URL must be that of a Redis server, such as redis://localhost.`);
  }
  requirePackages('The Redis store', ['@redis/client']);
  const [{ RedisConnection }, { RedisFailureCounter }, { RedisSessionStore }, { RedisUserStore }] = await Promise.all([
    import('./connection.ts'),
    import('./failure-counter.ts'),
    import('./session-store.ts'),
    import('./user-store.ts'),
  ]);
  const connection = await RedisConnection.open(location.server, { ...rest, log });
  return {
    sessions: new RedisSessionStore(connection, clock && { clock }),
    users: new RedisUserStore(connection),
    openFailureCounter: (name, windowSeconds) => new RedisFailureCounter(connection, name, windowSeconds),
  };
}
