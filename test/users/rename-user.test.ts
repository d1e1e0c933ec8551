import t, { type Test } from 'tap';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { Accounts } from '../../src/users/accounts.ts';
import type { PasswordHasher } from '../../src/users/passwords.ts';
import { newUser, type UserRecord } from '../../src/users/user-store.ts';
import { record } from '../helpers/service.ts';

const NEW_PASSWORD = 'another horse, a battery';
const passwords = { hash: async (password: string) => `$hash of ${password}` } as PasswordHasher;
const ANN = newUser('Ann', '$hash');
/** The writes of a rename: two records, a removal, a session, and the new record again. */
const WRITES = [1, 2, 3, 4, 5];

/** A user "Ann" with a session, and `crashAfter`, which makes the stores fail after so many writes. */
function setUp(t: Test, ann: Partial<UserRecord> = {}) {
  const [users, sessions] = [new MemoryUserStore(), new MemorySessionStore()];
  t.teardown(() => sessions.close());
  users.create({ ...ANN, ...ann });
  sessions.create(record({ id: 'of Ann', username: 'Ann', userId: ANN.id }));
  let left = Number.POSITIVE_INFINITY;
  const crashing = <A extends unknown[], R>(write: (...args: A) => R) => {
    return (...args: A): R => {
      if (left === 0) {
        throw new Error('crash');
      }
      left--;
      return write(...args);
    };
  };
  users.create = crashing(users.create.bind(users));
  users.replace = crashing(users.replace.bind(users));
  users.remove = crashing(users.remove.bind(users));
  sessions.replace = crashing(sessions.replace.bind(sessions));
  const crashAfter = async (writes: number, run: () => Promise<unknown>) => {
    left = writes;
    await run().catch((err: Error) => t.equal(err.message, 'crash'));
    left = Number.POSITIVE_INFINITY;
    assertAtMostOneSignsIn(t, users);
  };
  const accounts = new Accounts({ users, sessions, passwords, passwordMinLength: 15 });
  return { users, sessions, accounts, crashAfter };
}

function assertAtMostOneSignsIn(t: Test, users: MemoryUserStore): void {
  const enabled = [...users.list()].filter(({ disabled }) => !disabled);
  t.ok(enabled.length <= 1, `${enabled.length} records of the user are enabled`);
}

/** Asserts that the rename is complete, and that nothing is left of it. */
function assertRenamed(t: Test, users: MemoryUserStore, expected: Partial<UserRecord> = {}): void {
  const [user, ...others] = [...users.list()];
  t.same(others, [], 'one record');
  const { version: _, ...rest } = user ?? ANN;
  const { version: __, ...ann } = ANN;
  t.same(rest, { ...ann, username: 'Anna', key: 'anna', ...expected });
}

/** Changes that an operator makes between a crash and the repetition, and what the user is afterwards. */
const CHANGES: Record<string, [change: (accounts: Accounts, name: string) => Promise<unknown>, Partial<UserRecord>]> = {
  nothing: [async () => {}, {}],
  disable: [(accounts, name) => accounts.disable(name), { disabled: true }],
  enable: [(accounts, name) => accounts.enable(name), {}],
  passwd: [
    (accounts, name) => accounts.changePassword(name, NEW_PASSWORD),
    { passwordHash: `$hash of ${NEW_PASSWORD}` },
  ],
};

t.test('a rename is repeated after a crash, and no change in between is lost', async (t) => {
  for (const crash of [0, ...WRITES]) {
    for (const [title, [change, expected]] of Object.entries(CHANGES)) {
      for (const name of ['ann', 'anna']) {
        await t.test(`crash after write ${crash}, ${title} of "${name}"`, async (t) => {
          const { users, sessions, accounts, crashAfter } = setUp(t);
          await crashAfter(crash, () => accounts.rename('ann', 'Anna'));
          // The name of the user may not exist yet or any more. The operator sees that, so no change is lost.
          const isMade = await change(accounts, name).then(
            () => true,
            (err: Error) => !/does not exist/.test(err.message),
          );
          assertAtMostOneSignsIn(t, users);
          if (crash === 5 || (crash > 0 && isMade && title === 'enable')) {
            await t.rejects(accounts.rename('ann', 'Anna'), { message: 'The user "ann" does not exist.' });
          } else {
            t.equal(await accounts.rename('ann', 'Anna'), 'Anna');
          }
          const madeOf = isMade ? expected : {};
          const { passwordChangedAt = ANN.passwordChangedAt } = users.find('anna') ?? {};
          const unlocked = madeOf.passwordHash !== undefined && { unlockedAt: passwordChangedAt };
          assertRenamed(t, users, { ...madeOf, passwordChangedAt, ...unlocked });
          const { username } = sessions.find('of Ann')?.session ?? {};
          const endsSessions = isMade && ['disable', 'passwd'].includes(title);
          t.equal(username, endsSessions ? undefined : 'Anna');
        });
      }
    }
  }
});

t.test('after a crash nobody can sign in until the rename is repeated or the user is enabled', async (t) => {
  for (const crash of WRITES.slice(0, -1)) {
    for (const name of crash < 3 ? ['ann'] : ['anna']) {
      const { users, accounts, crashAfter } = setUp(t);
      await crashAfter(crash, () => accounts.rename('ann', 'Anna'));
      t.ok([...users.list()].every(({ disabled }) => disabled));
      await accounts.changePassword(name, NEW_PASSWORD);
      t.ok([...users.list()].every(({ disabled }) => disabled));
      await accounts.enable(name);
      const passwordChangedAt = users.find('anna')?.passwordChangedAt ?? 0;
      const unlockedAt = passwordChangedAt;
      assertRenamed(t, users, { passwordHash: `$hash of ${NEW_PASSWORD}`, passwordChangedAt, unlockedAt });
    }
  }
});

t.test('the repetition of a rename can crash, too', async (t) => {
  for (const first of WRITES) {
    for (const second of WRITES) {
      const { users, accounts, crashAfter } = setUp(t);
      await crashAfter(first, () => accounts.rename('ann', 'Anna'));
      if (users.find('anna')?.disabled !== false) {
        await crashAfter(second, () => accounts.rename('ann', 'Anna'));
      }
      if (users.find('anna')?.disabled !== false) {
        t.equal(await accounts.rename('ann', 'Anna'), 'Anna');
      }
      assertRenamed(t, users);
    }
  }
});

t.test('a disabled user stays disabled', async (t) => {
  for (const crash of WRITES) {
    const { users, accounts, crashAfter } = setUp(t, { disabled: true });
    await crashAfter(crash, () => accounts.rename('ann', 'Anna'));
    if (crash < 5) {
      await accounts.rename('ann', 'Anna');
    }
    assertRenamed(t, users, { disabled: true });
  }
});

t.test('after a crash the user can get a third name', async (t) => {
  for (const crash of WRITES) {
    for (const newName of ['Carol', 'ANN', 'ANNA']) {
      const { users, sessions, accounts, crashAfter } = setUp(t);
      await crashAfter(crash, () => accounts.rename('ann', 'Anna'));
      const name = users.find('ann') === undefined ? 'anna' : 'ann';
      t.equal(await accounts.rename(name, newName), newName);
      assertRenamed(t, users, { username: newName, key: newName.toLowerCase() });
      t.equal(sessions.find('of Ann')?.session.username, newName);
    }
  }
});

t.test('after a crash the user can be removed under either name, and does not come back', async (t) => {
  for (const crash of WRITES) {
    for (const name of ['ann', 'anna']) {
      const { users, sessions, accounts, crashAfter } = setUp(t);
      await crashAfter(crash, () => accounts.rename('ann', 'Anna'));
      const exists = users.find(name) !== undefined;
      for (const removal of [1, 2]) {
        await crashAfter(removal, () => accounts.remove(name).catch(() => {}));
      }
      await accounts.remove(name).catch(() => {});
      if (exists) {
        t.equal(sessions.find('of Ann'), undefined);
        await t.rejects(accounts.rename('ann', 'Anna'), { message: 'The user "ann" does not exist.' });
        t.same([...users.list()], []);
      }
    }
  }
});

t.test('a rename is undone if another user has got the name after the crash', async (t) => {
  const takeName = async (t: Test) => {
    const context = setUp(t);
    await context.crashAfter(1, () => context.accounts.rename('ann', 'Anna'));
    await context.accounts.addWithHash('ANNA', '$another hash');
    return context;
  };
  const { users, accounts } = await takeName(t);
  await t.rejects(accounts.rename('ann', 'Anna'), { message: 'The user "Anna" already exists.' });
  const { version: _, ...rest } = users.find('ann') as UserRecord;
  const { version: __, ...ann } = ANN;
  t.same(rest, ann);
  t.match(users.find('anna'), { username: 'ANNA', passwordHash: '$another hash' });

  const another = await takeName(t);
  await another.accounts.disable('ann');
  t.match(another.users.find('ann'), { disabled: true, movedTo: undefined });
  t.match(another.users.find('anna'), { disabled: false, passwordHash: '$another hash' });

  const removed = await takeName(t);
  await removed.accounts.remove('ann');
  t.match([...removed.users.list()], [{ username: 'ANNA', disabled: false }]);
});

t.test('a new user who has got the old name after the crash is not renamed', async (t) => {
  const { users, accounts, crashAfter } = setUp(t);
  await crashAfter(3, () => accounts.rename('ann', 'Anna'));
  await accounts.addWithHash('Ann', '$another hash');
  await t.rejects(accounts.rename('ann', 'Anna'), { message: 'The user "Anna" already exists.' });
  await accounts.enable('anna');
  t.match(users.find('ann'), { passwordHash: '$another hash', disabled: false });
  t.match(users.find('anna'), { id: ANN.id, passwordHash: '$hash', disabled: false });
});

t.test('a change by another command during a rename is not lost', async (t) => {
  const message = /being changed by somebody else/;
  const { users, sessions, accounts } = setUp(t);
  const another = new Accounts({ users, sessions, passwords, passwordMinLength: 15 });
  const replace = sessions.replace.bind(sessions);
  sessions.replace = (next, expectedVersion) => {
    sessions.replace = replace;
    const user = users.find('anna') as UserRecord;
    users.replace({ ...user, disabledAfterMove: true, version: 'disabled meanwhile' }, user.version);
    return replace(next, expectedVersion);
  };
  await t.rejects(accounts.rename('ann', 'Anna'), { message });
  await another.rename('ann', 'Anna');
  assertRenamed(t, users, { disabled: true });
});

t.test('a user that another command removes during a rename does not come back', async (t) => {
  const { users, sessions, accounts } = setUp(t);
  const create = users.create.bind(users);
  users.create = (user) => users.remove('ann') && create(user);
  await t.rejects(accounts.rename('ann', 'Anna'), { message: /being changed by somebody else/ });
  t.ok(
    [...users.list()].every(({ disabled }) => disabled),
    'the new record cannot sign in',
  );
  await accounts.remove('anna');
  t.same([...users.list()], []);
  t.equal(sessions.find('of Ann'), undefined);
});

t.test('a rename that another command undoes or completes at the same time fails', async (t) => {
  const { users, accounts, crashAfter } = setUp(t);
  await crashAfter(1, () => accounts.rename('ann', 'Anna'));
  await accounts.addWithHash('anna', '$another hash');
  users.replace = () => false;
  await t.rejects(accounts.rename('ann', 'Anna'), { message: /being changed by somebody else/ });
});
