import { Type } from '@sinclair/typebox';
import { objectWith, optionalFunction, readOptions, settings } from '../settings.ts';
import type { Clock } from '../types.ts';
import type { StoreLog } from './engine.ts';
import { openLmdb } from './lmdb/open.ts';
import { openMemoryFailureCounter } from './memory/failure-counter.ts';
import { MemorySessionStore } from './memory/session-store.ts';
import { MemoryUserStore } from './memory/user-store.ts';
import { openRedis } from './redis/open.ts';
import { parseStoreUrl } from './store-url.ts';
import type { Stores } from './stores.ts';

export interface OpenStoresOptions {
  /** How long the server may take to answer a ping, in milliseconds. Default 500. */
  readonly timeoutMs?: number;
  /** The prefix of every key in Redis. Default `login:`. */
  readonly keyPrefix?: string;
  /** How many Redis replicas must have a change of a session or a user before it is acknowledged. Default 0. */
  readonly waitReplicas?: number;
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
  waitReplicas: settings.waitReplicas,
  maxSessions: settings.maxSessions,
  clock: optionalFunction,
  log: Type.Optional(objectWith('info', 'warn')),
};

/**
 * Opens the stores that a `STORE_URL` names. The code of an engine is loaded when it is used.
 * @throws MissingPackageError if the package of the engine is not installed; TypeError if the URL is invalid; StoreOpenError if the store cannot be opened and waiting would not help.
 */
export async function openStores(storeUrl: string, options: OpenStoresOptions = {}): Promise<Stores> {
  const { clock, log, maxSessions, ...ofRedis } = readOptions('openStores', OPTIONS, options);
  const ofEveryEngine = { ...(clock && { clock }), ...(log && { log }) };
  const location = parseStoreUrl(storeUrl);
  switch (location.engine) {
    case 'memory':
      return {
        sessions: new MemorySessionStore({ maxSessions, ...(clock && { clock }) }),
        users: new MemoryUserStore(),
        openFailureCounter: openMemoryFailureCounter,
      };
    case 'lmdb':
      return openLmdb(location.path, ofEveryEngine);
    case 'redis':
      return openRedis(storeUrl, { ...ofRedis, ...ofEveryEngine });
  }
}
