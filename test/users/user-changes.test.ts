import t from 'tap';
import { StoreUnavailable } from '../../src/errors.ts';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import {
  changeIfSessionsValid,
  findIfSessionsValid,
  nextVersion,
  orEndSessions,
  sessionVersionOf,
} from '../../src/users/user-changes.ts';
import { newUser, newVersion } from '../../src/users/user-store.ts';

t.test('the session version stays when the next version does not end sessions', async (t) => {
  const user = newUser('ann', '$hash');
  t.equal(sessionVersionOf(user), user.version, 'also that of a record of an earlier version');
  const next = { ...user, version: nextVersion(user) };
  t.not(next.version, user.version);
  t.equal(sessionVersionOf(next), user.version);
  t.equal(sessionVersionOf({ version: nextVersion(next) }), user.version);
  t.not(nextVersion(next), nextVersion(next));
});

t.test('a change gets the current record, and is not made if the sessions are no longer valid', async (t) => {
  const users = new MemoryUserStore();
  const user = newUser('ann', '$hash');
  const change = (current: typeof user) => ({ ...current, passwordHash: '$next', version: nextVersion(current) });
  t.equal(await changeIfSessionsValid(users, user, change), undefined, 'the user does not exist');
  users.create(user);
  const other = { ...user, createdAt: 5, version: nextVersion(user) };
  users.replace(other, user.version);
  t.same(await findIfSessionsValid(users, user), other);
  const changed = await changeIfSessionsValid(users, user, change);
  t.match(changed, { createdAt: 5, passwordHash: '$next' });
  t.same(users.find('ann'), changed);
  t.equal(await changeIfSessionsValid(users, user, () => undefined), undefined, 'the change is not wanted');
  users.replace({ ...other, version: newVersion() }, changed?.version ?? '');
  t.equal(await changeIfSessionsValid(users, user, change), undefined);
  t.equal(await findIfSessionsValid(users, user), undefined);
  t.equal(users.find('ann')?.passwordHash, '$hash');
});

t.test('a user whom nobody has changed is not read again', async (t) => {
  const users = new MemoryUserStore();
  const user = newUser('ann', '$hash');
  users.create(user);
  const find = () => {
    throw new Error('a read that is not needed');
  };
  const replace = (next: typeof user, expectedVersion: string) => users.replace(next, expectedVersion);
  const change = (current: typeof user) => ({ ...current, passwordHash: '$next', version: nextVersion(current) });
  t.same(await changeIfSessionsValid({ find, replace }, user, change), users.find('ann'));
  t.equal(users.find('ann')?.passwordHash, '$next');
});

t.test('of concurrent changes none is lost, and others who change the user ten times in between win', async (t) => {
  const users = new MemoryUserStore();
  const user = newUser('ann', '$hash', 0);
  users.create(user);
  const increment = (current: typeof user) => ({
    ...current,
    createdAt: current.createdAt + 1,
    version: nextVersion(current),
  });
  await Promise.all(Array.from({ length: 9 }, () => changeIfSessionsValid(users, user, increment)));
  t.equal(users.find('ann')?.createdAt, 9);
  let tries = 0;
  users.replace = () => {
    tries++;
    return false;
  };
  t.equal(await changeIfSessionsValid(users, user, increment), undefined);
  t.equal(tries, 10);
});

t.test('only a failed store ends the sessions, and the error of the change is thrown', async (t) => {
  const failed = new StoreUnavailable({ cause: new Error('no reply') });
  let ended = 0;
  const end = () => {
    ended++;
  };
  t.equal(await orEndSessions(Promise.resolve('changed'), end), 'changed');
  const other = new Error('refused');
  await t.rejects(orEndSessions(Promise.reject(other), end), other);
  t.equal(ended, 0);
  await t.rejects(orEndSessions(Promise.reject(failed), end), failed);
  t.equal(ended, 1);
  const down = () => Promise.reject(new Error('still down'));
  await t.rejects(orEndSessions(Promise.reject(failed), down), failed);
});
