import { type Config, loadConfig } from '../config.ts';
import { closeStores, openStores, type Stores } from '../stores/open-stores.ts';
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
    const sessions = timeBoundSessionStore(stores.sessions, timeoutMs);
    const users = timeBoundUserStore(stores.users, timeoutMs);
    const passwordMinLength = config.PASSWORD_MIN_LENGTH;
    const accounts = new Accounts({ users, sessions, passwords: new PasswordHasher(), passwordMinLength });
    return await command({ ...stores, sessions, users, accounts, config });
  } finally {
    await closeStores(stores);
  }
}
