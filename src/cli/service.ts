import { type Config, loadConfig } from '../config.ts';
import { StoreUnavailable } from '../errors.ts';
import { clockOf } from '../sessions/session-store.ts';
import { openStores } from '../stores/open-stores.ts';
import { closeStores, type Stores } from '../stores/stores.ts';
import { timeBoundSessionStore, timeBoundUserStore } from '../stores/time-bound.ts';
import { Accounts } from '../users/accounts.ts';
import { PasswordHasher } from '../users/passwords.ts';
import type { Io } from './command.ts';
import { UsageError } from './terminal.ts';

/** The stores of the service, its account rules and its settings. */
export interface Service extends Stores {
  readonly accounts: Accounts;
  readonly config: Config;
}

/** Opens the stores with the settings of the server, runs a command on them and closes them. */
export async function withService<T>({ env }: Io, command: (service: Service) => Promise<T>): Promise<T> {
  const config = loadConfig(env);
  const { STORE_URL, STORE_TIMEOUT_MS: timeoutMs, REDIS_KEY_PREFIX: keyPrefix } = config;
  if (STORE_URL === 'memory:') {
    throw new UsageError(
      'STORE_URL is memory:, which only the server process can access. ' +
        'Set it to the STORE_URL of the server, such as lmdb:./data or redis://localhost.',
    );
  }
  const waitReplicas = config.REDIS_WAIT_REPLICAS;
  const stores = await openStores(STORE_URL, { timeoutMs, keyPrefix, waitReplicas });
  try {
    const sessions = sayUncertain(timeBoundSessionStore(stores.sessions, timeoutMs), ['remove', 'removeByUser']);
    const users = sayUncertain(timeBoundUserStore(stores.users, timeoutMs), ['create', 'replace', 'remove']);
    const passwordMinLength = config.PASSWORD_MIN_LENGTH;
    // The service compares the times with this clock.
    const clock = clockOf(sessions);
    const accounts = new Accounts({ users, sessions, passwords: new PasswordHasher(), passwordMinLength, clock });
    return await command({ ...stores, sessions, users, accounts, config });
  } finally {
    await closeStores(stores);
  }
}

/** Adds to the error of a change that the store may have made it: the reply may be lost, or too few replicas have the change. */
function sayUncertain<S extends object>(store: S, changes: readonly (keyof S)[]): S {
  const methods = changes.map((name) => [name, uncertain(store[name] as Method)]);
  return { ...store, ...Object.fromEntries(methods) };
}

type Method = (...args: unknown[]) => unknown;

function uncertain(change: Method): Method {
  return async (...args) => {
    try {
      return await change(...args);
    } catch (error) {
      // The store is time-bound, and none of these methods finds it full: the error is StoreUnavailable.
      const { message } = (error as Error).cause as Error;
      throw new StoreUnavailable({ cause: new Error(`${message}. The change may have been made: repeat the command`) });
    }
  };
}
