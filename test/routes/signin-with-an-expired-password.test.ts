import t, { type Test } from 'tap';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { Accounts } from '../../src/users/accounts.ts';
import { newUser, newVersion } from '../../src/users/user-store.ts';
import { RememberingHasher } from '../helpers/remembering-hasher.ts';
import { ANN, build, cookieOf, setCookies, signIn, welcome } from '../helpers/service.ts';

const NEXT = 'another horse, a battery';
const passwords = new RememberingHasher();

async function setUp(t: Test) {
  const [users, sessions] = [new MemoryUserStore(), new MemorySessionStore()];
  users.create(newUser(ANN.username, await passwords.hash(ANN.password)));
  const log: string[] = [];
  const env = { LOG_LEVEL: 'info' };
  const app = await build(t, { env, log, passwords, userStore: users, sessionStore: sessions });
  const accounts = new Accounts({ users, sessions, passwords, passwordMinLength: 15 });
  const post = (payload: object, headers = {}) => app.inject({ method: 'POST', url: '/signin', payload, headers });
  const events = () => log.map((line) => JSON.parse(line)).filter(({ event }) => event);
  return { app, users, sessions, accounts, post, events };
}

t.test('after the right password the reply is 403 without a cookie, and no other attempt shows it', async (t) => {
  const { app, accounts, post, events } = await setUp(t);
  const cookie = await signIn(app, ANN);
  t.equal(await accounts.expirePassword('ann'), 1);
  t.equal(await welcome(app, cookie), 401, 'the sessions have ended');
  const wrong = await post({ ...ANN, password: 'wrong' });
  t.match(wrong.json(), { statusCode: 401, code: 'SIGN_IN_REFUSED' });
  const expired = await post(ANN);
  t.match(expired.json(), { statusCode: 403, code: 'PASSWORD_EXPIRED' });
  t.same(setCookies(expired), []);
  t.match(events().at(-1), { event: 'authn_login_fail', username: 'ann', reason: 'password expired' });
  t.equal((await post({ ...ANN, newPassword: '' })).statusCode, 403, 'a field that was left empty');
});

t.test('a sign-in with a new password changes it, and the old one no longer works', async (t) => {
  const { app, users, accounts, post, events } = await setUp(t);
  await accounts.expirePassword('ann');
  const response = await post({ ...ANN, newPassword: NEXT });
  t.match(response.json(), { username: 'ann', current: true });
  t.equal(await welcome(app, cookieOf(response)), 200);
  t.match(
    events().map(({ event }) => event),
    ['authn_password_change', 'session_created', 'authn_login_success'],
  );
  t.equal(users.find('ann')?.passwordExpired, undefined);
  t.ok(users.find('ann')?.lastSignInAt);
  t.equal((await post(ANN)).statusCode, 401);
  t.equal((await post({ ...ANN, password: NEXT })).statusCode, 200);
  const device = { cookie: cookieOf(response, 'device_token') };
  for (let i = 0; i < 10; i++) {
    await post({ ...ANN, password: 'wrong' });
  }
  t.equal((await post({ ...ANN, password: NEXT }, device)).statusCode, 200, 'the browser is known');
});

t.test('a new password that is refused changes nothing, and the reply does not depend on the user', async (t) => {
  const { users, accounts, post } = await setUp(t);
  await accounts.expirePassword('ann');
  const before = users.find('ann');
  for (const [newPassword, message] of [
    ['short', /must have 15 or more/],
    ['ann with a horse and a battery', /user's name/],
    [ANN.password, /must differ from the current one/],
  ] as const) {
    const response = await post({ ...ANN, newPassword });
    t.match(response.json(), { statusCode: 400, code: 'NEW_PASSWORD_REFUSED', message });
    t.same(setCookies(response), []);
    const unknown = await post({ ...ANN, username: 'nobody in ann', newPassword });
    t.equal(unknown.statusCode, newPassword.startsWith('ann') ? 401 : 400);
  }
  t.same(users.find('ann'), before);
  const wrong = await post({ ...ANN, password: 'wrong', newPassword: NEXT });
  t.match(wrong.json(), { statusCode: 401, code: 'SIGN_IN_REFUSED' });
  t.same(users.find('ann'), before, 'a wrong password changes nothing');
});

t.test('a new password also works before the old one has expired, and ends the other sessions', async (t) => {
  const { app, post, events } = await setUp(t);
  const other = await signIn(app, ANN);
  const response = await post({ ...ANN, newPassword: NEXT });
  t.equal(await welcome(app, cookieOf(response)), 200);
  t.equal(await welcome(app, other), 401);
  t.match(
    events().find(({ event }) => event === 'session_expired'),
    { username: 'ann', count: 1, reason: 'password changed' },
  );
});

t.test('a user who changes during the sign-in keeps the password of that change', async (t) => {
  const { users, sessions, post, events } = await setUp(t);
  const replace = users.replace.bind(users);
  users.replace = (next, expectedVersion) => {
    users.replace = replace;
    users.replace({ ...next, passwordHash: '$other', version: newVersion() }, expectedVersion);
    return false;
  };
  t.match((await post({ ...ANN, newPassword: NEXT })).json(), { statusCode: 401, code: 'SIGN_IN_REFUSED' });
  t.equal(users.find('ann')?.passwordHash, '$other');
  t.match(events().at(-1), { event: 'authn_login_fail', reason: 'no longer allowed' });
  t.equal(sessions.size, 0);
});

t.test('a change of the password by the operator or by the user ends the expiry', async (t) => {
  const { app, users, accounts } = await setUp(t);
  await accounts.expirePassword('ann');
  await accounts.changePassword('ann', NEXT);
  t.equal(users.find('ann')?.passwordExpired, undefined);
  t.ok(await signIn(app, { ...ANN, password: NEXT }));
});

t.test('no session stays if the store sets the new password and the reply of the store is lost', async (t) => {
  const { app, users, post } = await setUp(t);
  const cookie = await signIn(app, ANN);
  const replace = users.replace.bind(users);
  users.replace = (...args) => {
    replace(...args);
    throw new Error('no reply');
  };
  const response = await post({ ...ANN, newPassword: NEXT });
  t.match(response.json(), { statusCode: 503, code: 'STORE_UNAVAILABLE' });
  t.same(setCookies(response), []);
  users.replace = replace;
  t.equal((await post(ANN)).statusCode, 401, 'the password has changed');
  t.equal(await welcome(app, cookie), 401);
});
