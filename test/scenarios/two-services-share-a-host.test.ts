import t from 'tap';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { Accounts } from '../../src/users/accounts.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';
import { ANN, build, setCookies, USER1, welcome } from '../helpers/service.ts';

t.test(
  'two services on one host have cookies of different names, and neither replaces those of the other',
  async (t) => {
    const one = await build(t);
    const two = await build(t, { env: { COOKIE_NAME: 'admin' } });
    const jar = new Map<string, string>();
    const cookie = () => [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    for (const app of [one, two]) {
      const response = await app.inject({
        method: 'POST',
        url: '/signin',
        payload: USER1,
        headers: { cookie: cookie() },
      });
      for (const line of setCookies(response)) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        jar.set(name, value);
      }
    }
    t.same([...jar.keys()], ['session_token', 'device_token', 'admin', 'admin_device']);
    t.equal(await welcome(one, cookie()), 200);
    t.equal(await welcome(two, cookie()), 200);
    await two.inject({ method: 'POST', url: '/logout', headers: { cookie: cookie() } });
    t.equal(await welcome(one, cookie()), 200);
    t.equal(await welcome(two, cookie()), 401);
  },
);

t.test('a service with the longest name of the cookie starts', async (t) => {
  const app = await build(t, { env: { COOKIE_NAME: 'x'.repeat(64), PUBLIC_URL: 'https://login.example' } });
  const response = await app.inject({ method: 'POST', url: '/signin', payload: USER1 });
  t.same(
    setCookies(response).map((line) => line.split('=', 1)[0]?.length),
    ['__Host-'.length + 64, '__Host-'.length + 64 + '_device'.length],
  );
});

t.test('the command line ends the sessions of a user, also if the cookie has another name', async (t) => {
  const sessionStore = new MemorySessionStore();
  t.teardown(() => sessionStore.close());
  const userStore = new MemoryUserStore();
  const passwords = new PasswordHasher();
  const accounts = new Accounts({ users: userStore, sessions: sessionStore, passwords, passwordMinLength: 15 });
  await accounts.add(ANN.username, ANN.password);
  const app = await build(t, { sessionStore, userStore, env: { COOKIE_NAME: 'admin' } });
  const response = await app.inject({ method: 'POST', url: '/signin', payload: ANN });
  const cookie = setCookies(response).find((line) => line.startsWith('admin=')) ?? '';
  t.equal(await welcome(app, cookie), 200);
  t.equal(await accounts.revokeSessions(ANN.username), 1);
  t.equal(await welcome(app, cookie), 401);
});
