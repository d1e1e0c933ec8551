import t, { type Test } from 'tap';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';
import { newUser } from '../../src/users/user-store.ts';
import { build, cookieOf } from '../helpers/service.ts';

// Names are shown as entered and compared without regard to case, spaces around them and Unicode form.

const PASSWORD = 'a horse, a battery';
const SPELLINGS = ['José', 'josé', 'JOSE\u0301', '  jose\u0301 ', 'ＪＯＳÉ'];

async function setUp(t: Test) {
  const log: string[] = [];
  const userStore = new MemoryUserStore();
  userStore.create(newUser('José', await new PasswordHasher().hash(PASSWORD)));
  const app = await build(t, { userStore, log, env: { LOG_LEVEL: 'info' } });
  const signInAs = (username: string, password = PASSWORD, cookie = '') =>
    app.inject({ method: 'POST', url: '/signin', payload: { username, password }, headers: { cookie } });
  return { app, log, userStore, signInAs };
}

t.test('every spelling of the name opens sessions of the same user, whose name is as entered', async (t) => {
  const { app, log, signInAs } = await setUp(t);
  let cookie = '';
  for (const spelling of SPELLINGS) {
    const reply = await signInAs(spelling);
    t.match(reply.json(), { username: 'José' }, JSON.stringify(spelling));
    cookie = cookieOf(reply);
  }
  const sessions = (await app.inject({ url: '/sessions', headers: { cookie } })).json();
  t.equal(sessions.length, SPELLINGS.length);
  t.match((await app.inject({ url: '/welcome', headers: { cookie } })).body, 'Welcome José!');
  const names = log.map((line) => JSON.parse(line).username).filter((name) => name !== undefined);
  t.same(new Set(names), new Set(['José']));
});

t.test('guesses with any spelling count together, and a known browser is known with any', async (t) => {
  const { signInAs } = await setUp(t);
  const device = cookieOf(await signInAs('José'), 'device_token');
  const statuses = new Map<number, number>();
  for (let i = 0; i < 20; i++) {
    const { statusCode } = await signInAs(SPELLINGS[i % SPELLINGS.length] as string, 'wrong');
    statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1);
  }
  t.same(Object.fromEntries(statuses), { 401: 10, 429: 10 });
  t.equal((await signInAs('JOSÉ', PASSWORD, device)).statusCode, 200);
});

t.test('the user changes the password after a sign-in with another spelling', async (t) => {
  const { app, signInAs } = await setUp(t);
  const headers = { cookie: cookieOf(await signInAs('JOSÉ')) };
  const change = (newPassword: string) =>
    app.inject({ method: 'POST', url: '/password', payload: { currentPassword: PASSWORD, newPassword }, headers });
  t.match((await change('it is about jose\u0301 and no other')).json(), { code: 'NEW_PASSWORD_REFUSED' });
  t.equal((await change('another horse, a battery')).statusCode, 200);
  t.equal((await signInAs('josé')).statusCode, 401);
  t.equal((await signInAs('josé', 'another horse, a battery')).statusCode, 200);
});
