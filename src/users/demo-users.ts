import type { PasswordHasher } from './passwords.ts';
import { newUser, type UserStore } from './user-store.ts';

/** User names and passwords. The passwords are public: they are in the README. */
export const DEMO_USERS = { user1: 'password1', user2: 'password2' };

/** Adds the demo users and returns their names. */
export async function addDemoUsers(users: UserStore, passwords: PasswordHasher): Promise<string[]> {
  return Promise.all(
    Object.entries(DEMO_USERS).map(async ([username, password]) => {
      await users.create(newUser(username, await passwords.hash(password)));
      return username;
    }),
  );
}
