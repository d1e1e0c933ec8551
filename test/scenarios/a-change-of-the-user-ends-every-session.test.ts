import t from 'tap';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { Accounts } from '../../src/users/accounts.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';
import { newUser } from '../../src/users/user-store.ts';
import { ANN, build, signIn, stubStore, welcome } from '../helpers/service.ts';

// A new password, the disabling and the removal of a user end every session of the user, also one that a sign-in with
// the old password is about to start.

const CHANGES = {
  'a new password': (accounts: Accounts) => accounts.changePassword('ann', 'another horse, a battery'),
  'a disabling': (accounts: Accounts) => accounts.disable('ann'),
  'a removal': (accounts: Accounts) => accounts.remove('ann'),
  'a removal and a new user of that name': async (accounts: Accounts) => {
    await accounts.remove('ann');
    await accounts.add('ann', ANN.password);
  },
};

async function setUp() {
  const [users, sessions, passwords] = [new MemoryUserStore(), new MemorySessionStore(), new PasswordHasher()];
  users.create(newUser('ann', await passwords.hash(ANN.password)));
  return { users, sessions, accounts: new Accounts({ users, sessions, passwords, passwordMinLength: 15 }) };
}

for (const [what, change] of Object.entries(CHANGES)) {
  t.test(`${what} ends the sessions there are (ASVS 7.4.2)`, async (t) => {
    const { users, sessions, accounts } = await setUp();
    const app = await build(t, { userStore: users, sessionStore: sessions });
    const cookies = [await signIn(app, ANN), await signIn(app, ANN)];
    await change(accounts);
    for (const cookie of cookies) {
      t.equal(await welcome(app, cookie), 401);
    }
  });

  // The change comes directly before or after the session is written.
  for (const when of ['before', 'after'] as const) {
    t.test(`${what} ${when} a sign-in under way writes its session leaves none`, async (t) => {
      const { users, sessions, accounts } = await setUp();
      const sessionStore = stubStore(sessions, {
        create: async (record) => {
          if (when === 'before') {
            await change(accounts);
          }
          const created = sessions.create(record);
          if (when === 'after') {
            await change(accounts);
          }
          return created;
        },
      });
      const app = await build(t, { userStore: users, sessionStore });
      const response = await app.inject({ method: 'POST', url: '/signin', payload: ANN });
      t.match(response.json(), { statusCode: 401, code: 'SIGN_IN_REFUSED' });
      t.equal(response.headers['set-cookie'], undefined);
      t.equal(sessions.size, 0);
    });
  }
}

t.test('a sign-in that cannot read its user again is 503, and leaves no session', async (t) => {
  const { users, sessions } = await setUp();
  const find = users.find.bind(users);
  let reads = 0;
  users.find = (username) => {
    if (++reads > 1) {
      throw new Error('down');
    }
    return find(username);
  };
  const app = await build(t, { userStore: users, sessionStore: sessions });
  const response = await app.inject({ method: 'POST', url: '/signin', payload: ANN });
  t.match(response.json(), { statusCode: 503, code: 'STORE_UNAVAILABLE' });
  t.equal(response.headers['set-cookie'], undefined);
  t.equal(sessions.size, 0);
});

t.test('a disabled user is rejected like an unknown one', async (t) => {
  const { users, sessions, accounts } = await setUp();
  const app = await build(t, { userStore: users, sessionStore: sessions });
  await accounts.disable('ann');
  const refused = await app.inject({ method: 'POST', url: '/signin', payload: ANN });
  const unknown = await app.inject({
    method: 'POST',
    url: '/signin',
    payload: { ...ANN, username: 'nobody' },
  });
  t.equal(refused.body, unknown.body);
  await accounts.enable('ann');
  t.equal(await welcome(app, await signIn(app, ANN)), 200);
});
