import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { timeBound } from '../stores/time-bound.ts';
import type { UserRecord, UserStore } from '../stores/user-store.ts';
import { Authenticator } from '../users/authenticator.ts';
import { PasswordHasher } from '../users/passwords.ts';

export interface UsersOptions {
  /** Where users are found, and where the hash of a password is renewed. Yours is yours to close. */
  readonly store: Pick<UserStore, 'find' | 'replace'>;
  /** How long the store may take to answer, in milliseconds, before it counts as failed. Default 500. */
  readonly storeTimeoutMs?: number;
  /** Default: a hasher with a core to spare. */
  readonly passwords?: PasswordHasher;
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * The user of that name if that is their password, else `undefined`.
     * @throws SignInBusy or StoreUnavailable (503).
     */
    authenticate: (username: string, password: string) => Promise<UserRecord | undefined>;
    /**
     * Whether the user still has the password they had and may still sign in: for `startSession`.
     * @throws StoreUnavailable (503).
     */
    isUnchanged: (user: UserRecord) => Promise<boolean>;
  }
}

/** The users who may sign in: decorates the instance with `authenticate` and `isUnchanged`. */
export const users = fp(registerUsers, { name: 'users', fastify: '5.x' });

async function registerUsers(app: FastifyInstance, options: UsersOptions): Promise<void> {
  const { store, storeTimeoutMs = 500, passwords = new PasswordHasher() } = options;
  const bound = timeBound(storeTimeoutMs);
  const boundStore = {
    find: bound((username: string) => store.find(username)),
    replace: bound((next: UserRecord, expectedVersion: string) => store.replace(next, expectedVersion)),
  };
  const authenticator = await Authenticator.create(boundStore, passwords, (err) =>
    app.log.warn({ err }, "the hash of a user's password could not be renewed"),
  );
  app.decorate('authenticate', (username, password) => authenticator.verify(username, password));
  app.decorate('isUnchanged', (user) => authenticator.isUnchanged(user));
}
