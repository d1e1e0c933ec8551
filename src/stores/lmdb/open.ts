import { Type } from '@sinclair/typebox';
import { requirePackages } from '../../packages.ts';
import { objectWith, optionalFunction, readOptions } from '../../settings.ts';
import type { Clock } from '../../types.ts';
import { SILENT, type StoreLog } from '../engine.ts';
import { openMemoryFailureCounter } from '../memory/failure-counter.ts';
import type { Stores } from '../stores.ts';

export interface OpenLmdbOptions {
  /** Default `Date.now`. */
  readonly clock?: Clock;
  /** Logs what the store repairs. Default: no log. */
  readonly log?: StoreLog;
}

const OPTIONS = { clock: optionalFunction, log: Type.Optional(objectWith('info', 'warn')) };

/**
 * Opens the stores in an LMDB database. `path` is its directory, which is created if it does not exist. The package lmdb
 * is loaded here.
 * @throws MissingPackageError without that package; StoreOpenError if the database cannot be opened.
 */
export async function openLmdb(path: string, options: OpenLmdbOptions = {}): Promise<Stores> {
  const { clock = Date.now, log = SILENT } = readOptions('openLmdb', OPTIONS, options);
  if (typeof path !== 'string' || path === '' || path.startsWith('lmdb:')) {
    throw new TypeError('openLmdb: the path must be that of a directory, such as ./data, without "lmdb:".');
  }
  requirePackages('The LMDB store', ['lmdb']);
  const [{ backupTo }, { LmdbEnvironment }, { LmdbSessionStore }, { LmdbUserStore }] = await Promise.all([
    import('./backup.ts'),
    import('./environment.ts'),
    import('./session-store.ts'),
    import('./user-store.ts'),
  ]);
  const environment = await LmdbEnvironment.open(path, log);
  return {
    sessions: new LmdbSessionStore(environment, { clock }),
    users: new LmdbUserStore(environment),
    openFailureCounter: openMemoryFailureCounter,
    backup: (file) => backupTo(file, environment),
  };
}
