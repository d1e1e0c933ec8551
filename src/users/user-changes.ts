import { randomUUID } from 'node:crypto';
import { StoreUnavailable } from '../errors.ts';
import type { MaybePromise, Milliseconds } from '../types.ts';
import { keyOf, newVersion, type UserRecord, type UserStore } from './user-store.ts';

/** Returns a version that no user record had before. The sessions of the user stay valid. */
export function nextVersion(user: Pick<UserRecord, 'version'>): string {
  return `${sessionVersionOf(user)}~${randomUUID()}`;
}

/**
 * Returns the part of the version that the sessions and the known browsers of a user depend on. It is a part of `version`,
 * not a field of its own, so that a store with fixed columns cannot lose it.
 */
export function sessionVersionOf({ version }: Pick<UserRecord, 'version'>): string {
  return version.split('~', 1)[0] as string;
}

/** Returns the user with a new password, which has not expired. The sessions and the link of the user become invalid. */
export function withPassword(
  { passwordExpired: _, passwordLink: __, ...user }: UserRecord,
  passwordHash: string,
  passwordChangedAt: Milliseconds,
): UserRecord {
  return { ...user, passwordHash, passwordChangedAt, version: newVersion() };
}

/** Returns the changed user. Until a rename is complete, the user stays disabled. */
export function changedUser(user: UserRecord, { disabled, ...changes }: Partial<UserRecord>): UserRecord {
  const next = { ...user, ...changes, version: newVersion() };
  if (disabled === undefined) {
    return next;
  }
  return user.movedFrom === undefined ? { ...next, disabled } : { ...next, disabledAfterMove: disabled };
}

/** How often a change is tried while others change the same user. */
export const MAX_TRIES = 10;

/**
 * Changes a user whose sessions are still valid since `user` was read. If another call has changed the record since, it is
 * read again, and `change` gets the latest one: no change is lost. Returns the new record, or `undefined` if the sessions are no
 * longer valid or `change` returns `undefined`.
 */
export async function changeIfSessionsValid(
  users: Pick<UserStore, 'find' | 'replace'>,
  user: UserRecord,
  change: (current: UserRecord) => UserRecord | undefined,
): Promise<UserRecord | undefined> {
  let current: UserRecord | undefined = user;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const next = current && change(current);
    if (current === undefined || next === undefined) {
      return undefined;
    }
    if (await users.replace(next, current.version)) {
      return next;
    }
    current = await findIfSessionsValid(users, user);
  }
  return undefined;
}

/** Returns the current record of a user whose sessions are still valid since `user` was read. */
export async function findIfSessionsValid(
  users: Pick<UserStore, 'find'>,
  user: UserRecord,
): Promise<UserRecord | undefined> {
  const current = await users.find(keyOf(user));
  return current !== undefined && sessionVersionOf(current) === sessionVersionOf(user) ? current : undefined;
}

/**
 * Waits for a change of a user after which the sessions must end. If the store fails, it may still have made the change. So the
 * sessions end then as well, if the store can do that. The error of the change is thrown in any case.
 */
export async function orEndSessions<T>(change: Promise<T>, end: () => MaybePromise<unknown>): Promise<T> {
  try {
    return await change;
  } catch (error) {
    if (error instanceof StoreUnavailable) {
      await Promise.resolve()
        .then(end)
        .catch(() => {});
    }
    throw error;
  }
}
