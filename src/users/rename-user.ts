import { changeSession } from '../sessions/change-session.ts';
import { changedRecord } from '../sessions/session.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import type { Clock } from '../types.ts';
import { changedByOthers } from './account-error.ts';
import { withoutLink } from './password-link.ts';
import { ownerOf } from './session-owners.ts';
import { keyOf, newVersion, type UserRecord, type UserStore } from './user-store.ts';
import { usernameKey } from './username.ts';

export interface RenameOptions {
  readonly users: UserStore;
  readonly sessions: SessionStore;
  readonly clock: Clock;
}

/**
 * Moves users to another key. A store cannot change two records in one step, so a rename has five steps:
 *
 * 1. `replace` disables the old record and sets `movedTo`. Nothing but a rename changes the record from here on.
 * 2. `create` makes the new record, disabled and with `movedFrom`. Changes of the user are made to this record.
 * 3. `remove` removes the old record.
 * 4. The sessions get the new name.
 * 5. `replace` removes `movedFrom` from the new record and restores `disabled`.
 *
 * The user cannot sign in between the steps 1 and 5. A rename that was interrupted continues after its last complete step.
 */
export class UserRenamer {
  readonly #options: RenameOptions;

  constructor(options: RenameOptions) {
    this.#options = options;
  }

  /** Renames a user that is not being renamed. The new name must have another key. */
  async start(user: UserRecord, username: string): Promise<UserRecord> {
    // The link has the old key.
    const moved = {
      ...withoutLink(user),
      disabled: true,
      disabledAfterMove: user.disabled,
      movedTo: username,
      version: newVersion(),
    };
    if (!(await this.#options.users.replace(moved, user.version))) {
      throw changedByOthers();
    }
    return this.finish(moved);
  }

  /**
   * Completes the rename of a user and returns the new record. Undoes the rename and returns the old record if another
   * user has got the new name. Returns any other user as it is.
   */
  async finish(user: UserRecord): Promise<UserRecord> {
    const { users } = this.#options;
    const current = await this.currentOf(user);
    if (current.movedFrom === undefined) {
      return current;
    }
    const old = user.movedTo === undefined ? await this.counterpartOf(user) : user;
    // If the old record is gone, another command has completed the rename or removed the user. Enabling the new record
    // could bring back a removed user.
    if (old !== undefined && !(await users.remove(keyOf(old)))) {
      throw changedByOthers();
    }
    await this.renameSessions(current, current.username);
    const renamed = withoutMarks(current);
    if (!(await users.replace(renamed, current.version))) {
      throw changedByOthers();
    }
    return renamed;
  }

  /**
   * Returns the record to change: the new one if the user is being renamed. Creates it if the rename stopped before that.
   * Undoes the rename if another user has got the new name.
   */
  async currentOf(user: UserRecord): Promise<UserRecord> {
    if (user.movedTo === undefined) {
      return user;
    }
    const { users } = this.#options;
    const { movedTo, ...rest } = user;
    const key = usernameKey(movedTo);
    const next = { ...rest, username: movedTo, key, movedFrom: keyOf(user), version: newVersion() };
    if (await users.create(next)) {
      return next;
    }
    const taken = await this.counterpartOf(user);
    if (taken !== undefined) {
      return taken;
    }
    const restored = withoutMarks(user);
    if (!(await users.replace(restored, user.version))) {
      throw changedByOthers();
    }
    return restored;
  }

  /** Returns the other record of a user that is being renamed, if it exists. */
  async counterpartOf({ id, movedTo, movedFrom }: UserRecord): Promise<UserRecord | undefined> {
    const key = movedTo === undefined ? movedFrom : usernameKey(movedTo);
    const other = key === undefined ? undefined : await this.#options.users.find(key);
    return other?.id === id ? other : undefined;
  }

  /** Returns the new record of a rename that has removed the old record but is not complete. */
  async findUnfinished(name: string, newName: string): Promise<UserRecord | undefined> {
    const user = await this.#options.users.find(usernameKey(newName));
    return user?.movedFrom !== undefined && usernameKey(user.movedFrom) === usernameKey(name) ? user : undefined;
  }

  async renameSessions(user: UserRecord, username: string): Promise<void> {
    const { sessions, clock } = this.#options;
    for (const { session } of await sessions.listByUser(ownerOf(user))) {
      await changeSession(sessions, clock, session.id, async (record) => {
        const next = changedRecord(record, { session: { ...record.session, username } });
        return (await sessions.replace(next, record.version)) ? next : undefined;
      });
    }
  }
}

function withoutMarks({ movedTo: _to, movedFrom: _from, disabledAfterMove, ...user }: UserRecord): UserRecord {
  // A store that has lost the field must not enable a disabled user.
  return { ...user, disabled: disabledAfterMove !== false, version: newVersion() };
}
