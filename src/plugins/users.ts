import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { timeBound } from '../stores/time-bound.ts';
import type { UserRecord, UserStore } from '../stores/user-store.ts';
import { Authenticator } from '../users/authenticator.ts';
import { addDemoUsers } from '../users/demo-users.ts';
import { PasswordHasher } from '../users/passwords.ts';

export interface UsersOptions {
  readonly store: UserStore;
  /** How long the store may take to answer, in milliseconds, before it counts as failed. Default 500. */
  readonly storeTimeoutMs?: number;
  /** Default: a hasher with a core to spare. */
  readonly passwords?: PasswordHasher;
  /** Whether to add the demo users, whose passwords are public. Default `false`. */
  readonly demo?: boolean;
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * The user of that name if that is their password, else `undefined`.
     * @throws SignInBusy or StoreUnavailable (503).
     */
    authenticate: (username: string, password: string) => Promise<UserRecord | undefined>;
  }
}

/** The users who may sign in: decorates the instance with `authenticate`. */
export const users = fp(registerUsers, { name: 'users', fastify: '5.x' });

async function registerUsers(app: FastifyInstance, options: UsersOptions): Promise<void> {
  const { store, storeTimeoutMs = 500, passwords = new PasswordHasher(), demo = false } = options;
  if (demo) {
    const names = await addDemoUsers(store, passwords);
    app.log.warn(
      { users: names },
      'DEMO USERS with public passwords can sign in: do not use this store for real',
    );
  }
  const bound = timeBound(storeTimeoutMs);
  const boundStore = {
    create: bound((user: UserRecord) => store.create(user)),
    find: bound((username: string) => store.find(username)),
  };
  const authenticator = await Authenticator.create(boundStore, passwords);
  app.decorate('authenticate', (username, password) => authenticator.verify(username, password));
}
