import t, { type Test } from 'tap';
import { StoreUnavailable } from '../../src/errors.ts';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { quote } from '../../src/users/account-error.ts';
import { Accounts } from '../../src/users/accounts.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';
import { sessionVersionOf } from '../../src/users/user-changes.ts';
import { newUser, type UserRecord } from '../../src/users/user-store.ts';
import { usernameKey } from '../../src/users/username.ts';
import { fakeClock, record } from '../helpers/service.ts';

const GOOD = 'a horse, a battery';

function setUp(t: Test) {
  const clock = fakeClock();
  const [users, sessions, passwords] = [new MemoryUserStore(), new MemorySessionStore(), new PasswordHasher()];
  t.teardown(() => sessions.close());
  const accounts = new Accounts({ users, sessions, passwords, passwordMinLength: 15, clock });
  const signIn = async (username: string) => {
    const userId = users.find(usernameKey(username))?.id ?? username;
    sessions.create(record({ id: `of ${username}`, username, userId }));
  };
  return { clock, users, sessions, passwords, accounts, signIn };
}

t.test('a user is added once, with a hash of the password', async (t) => {
  const { clock, users, passwords, accounts } = setUp(t);
  await accounts.add('ann', GOOD);
  const ann = users.find('ann');
  t.match(ann, {
    disabled: false,
    createdAt: clock(),
    passwordChangedAt: clock(),
    version: /^[\da-f-]{36}$/,
  });
  t.equal(await passwords.verify(ann?.passwordHash ?? '', GOOD), true);
  await t.rejects(accounts.add('ann', GOOD), {
    name: 'AccountError',
    message: 'The user "ann" already exists.',
  });
  t.same(users.find('ann'), ann);
  await t.rejects(accounts.add('bob', 'short'), { message: /must have 15 or more/ });
  t.equal(users.find('bob'), undefined);
});

t.test('a name with invisible characters is rejected', async (t) => {
  const { accounts } = setUp(t);
  for (const name of ['', 'x'.repeat(257)]) {
    await t.rejects(accounts.addWithHash(name, '$hash'), { message: /1 to 256 characters/ });
  }
  for (const name of ['a\nb', '\u001b[31mann', 'ann\u202e', '\u200b', 'a\0', '\ud800']) {
    await t.rejects(accounts.addWithHash(name, '$hash'), { message: /invisible characters/ }, JSON.stringify(name));
  }
  for (const name of ['x'.repeat(256), 'Ann O’Neill', '阿安', '__proto__', 'a:b', '👍']) {
    await t.resolves(accounts.addWithHash(name, '$hash'), name);
  }
});

t.test('a password change, a disable and a removal revoke the sessions of that user only', async (t) => {
  const changes = {
    changePassword: (accounts: Accounts) => accounts.changePassword('ann', 'another horse, a battery'),
    disable: (accounts: Accounts) => accounts.disable('ann'),
    remove: (accounts: Accounts) => accounts.remove('ann'),
  };
  for (const [name, change] of Object.entries(changes)) {
    const { sessions, users, accounts, signIn } = setUp(t);
    await accounts.add('ann', GOOD);
    await signIn('ann');
    await signIn('bob');
    const { version } = users.find('ann') ?? {};
    t.equal(await change(accounts), 1, name);
    t.not(users.find('ann')?.version, version, 'the version changes');
    t.equal(sessions.find('of ann'), undefined);
    t.ok(sessions.find('of bob'));
    t.equal(await change(accounts).catch(() => 0), 0, 'a second call revokes none');
  }
});

t.test('the user is changed before the sessions are revoked', async (t) => {
  const { users, sessions, accounts } = setUp(t);
  await accounts.add('ann', GOOD);
  const { version } = users.find('ann') ?? {};
  sessions.removeByUser = () => {
    t.not(users.find('ann')?.version, version);
    return 7;
  };
  t.equal(await accounts.disable('ann'), 7);
  t.equal(await accounts.changePassword('ann', 'another horse, a battery'), 7);
});

t.test('the sessions end if the store may have made a change whose reply is lost', async (t) => {
  const changes = {
    changePassword: (accounts: Accounts) => accounts.changePassword('ann', 'another horse, a battery'),
    revokePassword: (accounts: Accounts) => accounts.revokePassword('ann'),
    expirePassword: (accounts: Accounts) => accounts.expirePassword('ann'),
    disable: (accounts: Accounts) => accounts.disable('ann'),
    remove: (accounts: Accounts) => accounts.remove('ann'),
  };
  for (const [name, change] of Object.entries(changes)) {
    const { sessions, users, accounts, signIn } = setUp(t);
    await accounts.add('ann', GOOD);
    await signIn('ann');
    await signIn('bob');
    const lost = new StoreUnavailable({ cause: new Error('no reply') });
    const [replace, remove] = [users.replace.bind(users), users.remove.bind(users)];
    users.replace = (...args) => {
      replace(...args);
      throw lost;
    };
    users.remove = (key) => {
      remove(key);
      throw lost;
    };
    await t.rejects(change(accounts), lost, name);
    t.equal(sessions.find('of ann'), undefined, name);
    t.ok(sessions.find('of bob'), name);
  }
});

t.test('a revoked password is one that nobody knows, and the sessions end', async (t) => {
  const { clock, users, sessions, passwords, accounts, signIn } = setUp(t);
  await accounts.add('ann', GOOD);
  await signIn('ann');
  clock.advance(1000);
  t.equal(await accounts.revokePassword('ANN'), 1);
  t.equal(sessions.find('of ann'), undefined);
  const ann = users.find('ann') as UserRecord;
  t.match(ann, { passwordChangedAt: clock(), unlockedAt: clock() });
  t.equal(await passwords.verify(ann.passwordHash, GOOD), false);
  await t.rejects(accounts.revokePassword('nobody'), { message: 'The user "nobody" does not exist.' });
});

t.test('a password change sets the time, and the old password no longer works', async (t) => {
  const { clock, users, passwords, accounts } = setUp(t);
  await accounts.add('ann', GOOD);
  clock.advance(1000);
  await accounts.changePassword('ann', 'another horse, a battery');
  const ann = users.find('ann');
  t.match(ann, { createdAt: clock() - 1000, passwordChangedAt: clock() });
  t.equal(await passwords.verify(ann?.passwordHash ?? '', GOOD), false);
  await t.rejects(accounts.changePassword('ann', 'short'), { message: /must have 15 or more/ });
  t.same(users.find('ann'), ann);
});

t.test('an unlock and a new password set the time of the unlock, and an unlock keeps the sessions', async (t) => {
  const { clock, users, sessions, accounts, signIn } = setUp(t);
  await accounts.add('Ann', GOOD);
  t.equal(users.find('ann')?.unlockedAt, undefined);
  await signIn('Ann');
  const before = users.find('ann') as UserRecord;
  clock.advance(1000);
  await accounts.unlock('ANN');
  const ann = users.find('ann') as UserRecord;
  t.same(ann, { ...before, unlockedAt: clock(), version: ann.version });
  t.not(ann.version, before.version, 'so that no other write undoes it');
  t.equal(sessionVersionOf(ann), sessionVersionOf(before));
  t.ok(sessions.find('of Ann'));
  clock.advance(1000);
  await accounts.changePassword('ann', 'another horse, a battery');
  t.equal(users.find('ann')?.unlockedAt, clock());
  await t.rejects(accounts.unlock('nobody'), { message: 'The user "nobody" does not exist.' });
});

t.test('a disabled user can be enabled', async (t) => {
  const { users, accounts } = setUp(t);
  await accounts.add('ann', GOOD);
  await accounts.disable('ann');
  t.equal(users.find('ann')?.disabled, true);
  await accounts.enable('ann');
  t.equal(users.find('ann')?.disabled, false);
});

t.test('a user that does not exist cannot be changed', async (t) => {
  const { sessions, accounts, signIn } = setUp(t);
  const message = 'The user "nobody" does not exist.';
  await signIn('nobody');
  await t.rejects(accounts.changePassword('nobody', GOOD), { message });
  await t.rejects(accounts.disable('nobody'), { message });
  await t.rejects(accounts.enable('nobody'), { message });
  t.ok(sessions.find('of nobody'));
  await t.rejects(accounts.remove('nobody'), { message });
  t.equal(sessions.find('of nobody'), undefined, 'a second removal completes one that failed half-way');
});

t.test('no concurrent change is lost', async (t) => {
  const { users, accounts } = setUp(t);
  await accounts.add('ann', GOOD);
  const inner = users.find.bind(users);
  let others = 3;
  users.find = (username) => {
    const found = inner(username);
    if (found !== undefined && others-- > 0) {
      // Another change comes first.
      users.replace({ ...found, version: `other ${others}`, createdAt: 5 }, found.version);
    }
    return found;
  };
  await accounts.disable('ann');
  t.match(inner('ann'), { disabled: true, createdAt: 5 });
});

t.test('a change fails after ten tries if others keep changing the user', async (t) => {
  const { users, sessions, accounts, signIn } = setUp(t);
  await accounts.add('ann', GOOD);
  await signIn('ann');
  let tries = 0;
  users.replace = () => {
    tries++;
    return false;
  };
  await t.rejects(accounts.disable('ann'), {
    name: 'AccountError',
    message: 'The user is being changed by somebody else. Try again.',
  });
  t.equal(tries, 10);
  t.ok(sessions.find('of ann'), 'no session is revoked');
});

/** A user of an earlier version, which is stored under the exact name. */
function olderUser(username: string) {
  const { key: _, ...older } = newUser('older', '$hash');
  return { ...older, id: username, username };
}

t.test('a name is stored as entered, trimmed and composed, and taken in every other spelling', async (t) => {
  const { users, accounts } = setUp(t);
  t.equal(await accounts.add(' Jose\u0301 ', GOOD), 'José');
  t.match(users.find('josé'), { username: 'José', key: 'josé' });
  await t.rejects(accounts.add('José', GOOD), { message: 'The user "José" already exists.' });
  for (const twin of ['JOSÉ', 'jose\u0301', ' josé ']) {
    await t.rejects(accounts.addWithHash(twin, '$hash'), { message: / already exists as "José"\.$/ }, twin);
  }
  await t.rejects(accounts.add('   ', GOOD), { message: /this one has 0/ });
  await t.rejects(accounts.add('Bob O’Neill', 'my name is BOB O’NEILL'), {
    message: /must not contain the user's name/,
  });
  t.equal([...users.list()].length, 1);
});

t.test('a user is changed and removed by any spelling of the name, with all their sessions', async (t) => {
  const changes = {
    changePassword: (accounts: Accounts) => accounts.changePassword('ANN ', 'another horse, a battery'),
    disable: (accounts: Accounts) => accounts.disable('ann'),
    remove: (accounts: Accounts) => accounts.remove('aNN'),
  };
  for (const [name, change] of Object.entries(changes)) {
    const { users, sessions, accounts, signIn } = setUp(t);
    await accounts.add('Ann', GOOD);
    await signIn('Ann');
    t.equal(await change(accounts), 1, name);
    t.equal(sessions.find('of Ann'), undefined);
    t.equal(users.find('ann')?.username, name === 'remove' ? undefined : 'Ann');
  }
});

t.test(
  'a user of an earlier version is found by the exact name or, if there is only one, by any spelling',
  async (t) => {
    const { users, accounts, signIn } = setUp(t);
    for (const name of ['Ann', 'BOB', 'Bob']) {
      users.create(olderUser(name));
    }
    await signIn('Ann');
    t.equal(await accounts.disable('ann'), 1);
    t.match(users.find('Ann'), { username: 'Ann', disabled: true });
    await accounts.disable('Bob');
    t.match([users.find('Bob'), users.find('BOB')], [{ disabled: true }, { disabled: false }]);
    await t.rejects(accounts.disable('bob'), { name: 'AccountError', message: /^Several users have the name "bob"/ });
    await accounts.remove('BOB');
    t.equal(users.find('BOB'), undefined);
    t.ok(users.find('Bob'));
  },
);

t.test('a user of an earlier version gets no twin', async (t) => {
  const { users, accounts } = setUp(t);
  users.create(olderUser('Ann'));
  await t.rejects(accounts.addWithHash('Ann', '$hash'), { message: 'The user "Ann" already exists.' });
  await t.rejects(accounts.addWithHash('ann', '$hash'), { message: 'The user "ann" already exists as "Ann".' });
  t.equal([...users.list()].length, 1);
});

t.test('a name that was taken and is free again a moment later is reported as taken', async (t) => {
  const { users, accounts } = setUp(t);
  users.create = () => false;
  await t.rejects(accounts.addWithHash(' Ann', '$hash'), { message: 'The user "Ann" already exists.' });
});

t.test('sessions are found by the name of their user, also of a removed one', async (t) => {
  const { sessions, accounts, signIn } = setUp(t);
  const listed = async (name: string) => (await accounts.listSessions(name)).map(({ session }) => session.id);
  await accounts.add('Ann', GOOD);
  t.same(await listed('Bob'), [], 'a name without user and sessions');
  await signIn('Ann');
  await signIn('Carol');
  t.same(await listed(' ANN'), ['of Ann']);
  t.same(await listed('carol'), ['of Carol'], 'the sessions of a removed user');
  await t.rejects(accounts.remove('carol'), { message: 'The user "carol" does not exist.' });
  t.equal(sessions.find('of Carol'), undefined);
  t.ok(sessions.find('of Ann'));
});

t.test('quote escapes what a terminal would interpret', async (t) => {
  t.equal(quote('Ann "the cat" O’Neill'), '"Ann \\"the cat\\" O’Neill"');
  t.equal(quote('a\u202eb'), '"a\\u{202e}b"');
});

t.test('a renamed user keeps the id, the password and the sessions, which show the new name', async (t) => {
  const { users, sessions, passwords, accounts, signIn } = setUp(t);
  await accounts.add('Ann', GOOD);
  await accounts.add('Bob', GOOD);
  await signIn('Ann');
  const before = users.find('ann');
  t.equal(await accounts.rename('ANN', ' Anna '), 'Anna');
  t.equal(users.find('ann'), undefined);
  const after = users.find('anna');
  t.match(after, { id: before?.id, username: 'Anna', disabled: false, passwordHash: before?.passwordHash });
  t.not(after?.version, before?.version, 'a sign-in under the old name that is under way is refused');
  t.equal(await passwords.verify(after?.passwordHash ?? '', GOOD), true);
  t.match(sessions.find('of Ann')?.session, { username: 'Anna', userId: before?.id });

  t.equal(await accounts.rename('anna', 'ANNA'), 'ANNA', 'another spelling');
  t.match(users.find('anna'), { id: before?.id, username: 'ANNA' });
  t.equal(sessions.find('of Ann')?.session.username, 'ANNA');
  await t.rejects(accounts.rename('ANNA', 'bob'), { message: 'The user "bob" already exists.' });
  await t.rejects(accounts.rename('ANNA', ''), { message: /1 to 256 characters/ });
  await t.rejects(accounts.rename('carol', 'dave'), { message: 'The user "carol" does not exist.' });
  t.match(users.find('bob'), { username: 'Bob' });
  t.equal(await accounts.disable('anna'), 1, 'and the sessions are still found');
});

t.test('a rename that was interrupted can be repeated', async (t) => {
  const { users, accounts } = setUp(t);
  await accounts.add('ann', GOOD);
  const { id } = users.find('ann') ?? {};
  const remove = users.remove;
  users.remove = () => {
    throw new Error('down');
  };
  await t.rejects(accounts.rename('ann', 'anna'), { message: 'down' });
  t.match([users.find('ann'), users.find('anna')], [{ disabled: true }, { id, disabled: true }]);
  users.remove = remove;
  await accounts.rename('ann', 'anna');
  t.match([users.find('ann'), users.find('anna')], [undefined, { id, disabled: false }]);
});

t.test('a rename that was interrupted at its first step is repeated with the current password', async (t) => {
  const { users, accounts } = setUp(t);
  await accounts.add('ann', GOOD);
  const replace = users.replace.bind(users);
  users.replace = () => {
    throw new Error('down');
  };
  await t.rejects(accounts.rename('ann', 'anna'), { message: 'down' });
  users.replace = replace;
  const current = users.find('ann') as UserRecord;
  t.ok(users.replace({ ...current, passwordHash: 'changed meanwhile', version: 'next' }, current.version));
  await accounts.rename('ann', 'anna');
  t.match([users.find('ann'), users.find('anna')], [undefined, { id: current.id, passwordHash: 'changed meanwhile' }]);
});

t.test('a name that somebody else takes during the rename is not taken away', async (t) => {
  const { users, accounts } = setUp(t);
  await accounts.add('ann', GOOD);
  const create = users.create.bind(users);
  users.create = (user) => create(newUser('anna', '$hash')) && create(user);
  await t.rejects(accounts.rename('ann', 'anna'), { message: /being changed by somebody else/ });
  t.match([users.find('ann'), users.find('anna')], [{ disabled: false }, { passwordHash: 'hash' }]);
});

t.test('a rename does not undo a change that somebody else makes at the same time', async (t) => {
  const { users, accounts } = setUp(t);
  await accounts.add('ann', GOOD);
  const replace = users.replace.bind(users);
  users.replace = (next, expectedVersion) => {
    const current = users.find('ann') as UserRecord;
    replace({ ...current, passwordHash: 'another', version: 'another' }, current.version);
    return replace(next, expectedVersion);
  };
  await t.rejects(accounts.rename('ann', 'anna'), { message: /being changed by somebody else/ });
  t.match(users.find('ann'), { passwordHash: 'another', disabled: false });
  t.equal(users.find('anna'), undefined);
});

t.test('a session that ends or changes during a rename is no error', async (t) => {
  const { users, sessions, accounts, signIn } = setUp(t);
  await accounts.add('ann', GOOD);
  await signIn('ann');
  const replace = sessions.replace.bind(sessions);
  let tries = 0;
  sessions.replace = (next, expectedVersion) => tries++ > 0 && replace(next, expectedVersion);
  await accounts.rename('ann', 'anna');
  t.equal(sessions.find('of ann')?.session.username, 'anna');
  sessions.replace = (next) => sessions.remove(next.session.id) && false;
  await accounts.rename('anna', 'ann');
  t.equal(sessions.find('of ann'), undefined);
  t.equal(users.find('ann')?.username, 'ann');
});

t.test('a user of an earlier version is renamed to another spelling of the name', async (t) => {
  for (const newName of ['ann', 'ANN', 'Ann']) {
    const { users, sessions, accounts, signIn } = setUp(t);
    users.create(olderUser('Ann'));
    await signIn('Ann');
    t.equal(await accounts.rename('Ann', newName), newName);
    t.match([...users.list()], [{ id: 'Ann', username: newName, key: 'ann', disabled: false }]);
    t.equal([...users.list()].length, 1);
    t.equal(sessions.find('of Ann')?.session.username, newName);
  }
});

t.test('a user of an earlier version is not renamed to the name of another one', async (t) => {
  const { users, accounts } = setUp(t);
  users.create(olderUser('Ann'));
  users.create(olderUser('ANN'));
  await t.rejects(accounts.rename('Ann', 'ANN'), { message: 'The user "ANN" already exists.' });
  t.match([users.find('Ann'), users.find('ANN')], [{ disabled: false }, { disabled: false }]);
});

t.test('the sessions of a removed user are found by the name, also if the name has a new user', async (t) => {
  const { users, sessions, accounts, signIn } = setUp(t);
  await accounts.add('Ann', GOOD);
  await signIn('Ann');
  // The removal is interrupted before it ends the sessions.
  users.remove('ann');
  await accounts.addWithHash('ANN', '$hash');
  sessions.create(record({ id: 'new', username: 'ANN', userId: users.find('ann')?.id ?? '' }));
  users.create(olderUser('ANn'));
  sessions.create(record({ id: 'of a twin', username: 'ANn', userId: 'ANn' }));
  const listed = (await accounts.listSessions('ann')).map(({ session }) => session.id);
  t.same(listed.sort(), ['new', 'of Ann']);
  t.equal(await accounts.revokeSessions('ann'), 2);
  t.equal(sessions.find('of Ann'), undefined);
  t.ok(sessions.find('of a twin'), 'another user of an earlier version');
});

t.test('a removal ends the sessions of the user although the sessions of others cannot be read', async (t) => {
  const { users, sessions, accounts, signIn } = setUp(t);
  await accounts.add('ann', GOOD);
  await signIn('ann');
  sessions.list = () => {
    throw new Error('a record of a newer version');
  };
  await t.rejects(accounts.remove('ann'), { message: 'a record of a newer version' });
  t.equal(users.find('ann'), undefined);
  t.equal(sessions.find('of ann'), undefined);
});

t.test('an invited user has a password that nobody knows (ASVS 6.4.1)', async (t) => {
  const { users, accounts } = setUp(t);
  await accounts.invite('Ann');
  await accounts.invite('Bob');
  t.match(users.find('ann'), { username: 'Ann', disabled: false, passwordHash: /^\$argon2id/, passwordLink: Object });
  t.not(users.find('ann')?.passwordHash, users.find('bob')?.passwordHash);
  await t.rejects(accounts.invite('ann'), { message: 'The user "ann" already exists as "Ann".' });
  await t.rejects(accounts.invite('a\nb'), { message: /invisible characters/ });
});

t.test('a link is not made while others keep changing the user', async (t) => {
  const { users, accounts } = setUp(t);
  await accounts.add('ann', GOOD);
  users.replace = () => false;
  await t.rejects(accounts.createLink('ann'), { message: /being changed by somebody else/ });
});
