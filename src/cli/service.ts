import { loadConfig } from '../config.ts';
import { closeStores, openStores, type Stores } from '../stores/open-stores.ts';
import { timeBoundSessionStore, timeBoundUserStore } from '../stores/time-bound.ts';
import { Accounts } from '../users/accounts.ts';
import { PasswordPolicy } from '../users/password-policy.ts';
import { PasswordHasher } from '../users/passwords.ts';
import { WrongUse } from './wrong-use.ts';

/** What a command works on: the stores of the service and the rules of accounts. */
export interface Service extends Pick<Stores, 'sessions' | 'users'> {
  readonly accounts: Accounts;
}

/** Runs a command on the stores that the environment names, as the server reads it, and closes them. */
export async function withService<T>(command: (service: Service) => Promise<T>): Promise<T> {
  const config = loadConfig();
  if (config.STORE_URL === 'memory:') {
    throw new WrongUse(
      'STORE_URL is memory:, and what is in there only the server itself can reach. ' +
        'Give this command the STORE_URL that the server has, such as lmdb:./data or redis://localhost.',
    );
  }
  const { STORE_TIMEOUT_MS: timeoutMs, REDIS_KEY_PREFIX: keyPrefix } = config;
  const stores = await openStores(config.STORE_URL, { timeoutMs, keyPrefix });
  try {
    const sessions = timeBoundSessionStore(stores.sessions, timeoutMs);
    const users = timeBoundUserStore(stores.users, timeoutMs);
    const policy = new PasswordPolicy({ minLength: config.PASSWORD_MIN_LENGTH });
    const accounts = new Accounts({ users, sessions, passwords: new PasswordHasher(), policy });
    return await command({ sessions, users, accounts });
  } finally {
    await closeStores(stores);
  }
}
