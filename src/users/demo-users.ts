import { newUser, type UserStore } from '../stores/user-store.ts';
import type { PasswordHasher } from './passwords.ts';

const DEMO_USERS = [
  { username: 'user1', password: 'password1' },
  { username: 'user2', password: 'password2' },
] as const;

/** Adds the two users of the demo, whose passwords the README tells the world, and answers with their names. */
export async function addDemoUsers(users: UserStore, passwords: PasswordHasher): Promise<string[]> {
  return Promise.all(
    DEMO_USERS.map(async ({ username, password }) => {
      await users.create(newUser(username, await passwords.hash(password)));
      return username;
    }),
  );
}
