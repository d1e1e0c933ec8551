import t from 'tap';
import { MemorySessionStore } from '../src/stores/memory/session-store.ts';
import { MemoryUserStore } from '../src/stores/memory/user-store.ts';
import { newUser } from '../src/stores/user-store.ts';
import { Accounts } from '../src/users/accounts.ts';
import { PasswordPolicy } from '../src/users/password-policy.ts';
import { PasswordHasher } from '../src/users/passwords.ts';
import { build, doctored, signIn, welcome } from './helper.ts';

// A new password, a disabling and a removal end every session of the user, also one that a sign-in with the old
// password is about to start.

const ANN = { username: 'ann', password: 'a horse, a battery' };

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
  const [users, sessions, passwords] = [
    new MemoryUserStore(),
    new MemorySessionStore(),
    new PasswordHasher(),
  ];
  users.create(newUser('ann', await passwords.hash(ANN.password)));
  const policy = new PasswordPolicy({ minLength: 15 });
  return { users, sessions, accounts: new Accounts({ users, sessions, passwords, policy }) };
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

  // Just before the session is written, and just after.
  for (const when of ['before', 'after'] as const) {
    t.test(`${what} ${when} a sign-in under way writes its session leaves none`, async (t) => {
      const { users, sessions, accounts } = await setUp();
      const sessionStore = doctored(sessions, {
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

t.test('a sign-in whose user cannot be asked again is 503, and leaves no session', async (t) => {
  const { users, sessions } = await setUp();
  const find = users.find.bind(users);
  let asked = 0;
  users.find = (username) => {
    if (++asked > 1) {
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

t.test('who is disabled is refused like anybody unknown', async (t) => {
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
