import type { LightMyRequestResponse } from 'fastify';
import t, { type Test } from 'tap';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { Accounts } from '../../src/users/accounts.ts';
import { createPasswordLink } from '../../src/users/password-link.ts';
import { newUser } from '../../src/users/user-store.ts';
import { RememberingHasher } from '../helpers/remembering-hasher.ts';
import { ANN, build, fakeClock, setCookies, signIn, welcome } from '../helpers/service.ts';

const NEXT = 'another horse, a battery';
const HOUR = 3_600_000;
const passwords = new RememberingHasher();

async function setUp(t: Test) {
  const clock = fakeClock();
  const [users, sessions] = [new MemoryUserStore(), new MemorySessionStore({ clock })];
  users.create(newUser(ANN.username, await passwords.hash(ANN.password), clock()));
  const log: string[] = [];
  const env = { LOG_LEVEL: 'trace' };
  const app = await build(t, { env, log, clock, passwords, userStore: users, sessionStore: sessions });
  const accounts = new Accounts({ users, sessions, passwords, passwordMinLength: 15, clock });
  const post = (payload: object, headers = {}) =>
    app.inject({ method: 'POST', url: '/password/link', payload, headers });
  const use = (token: string, newPassword: string = NEXT) => post({ token, newPassword });
  const reset = async () => (await accounts.createLink('ann')).token;
  const events = () => log.map((line) => JSON.parse(line)).filter(({ event }) => event);
  return { app, clock, users, sessions, accounts, log, post, use, reset, events };
}

function isInvalid(t: Test, response: LightMyRequestResponse, why = 'the link is invalid') {
  t.match(response.json(), { statusCode: 403, code: 'PASSWORD_LINK_INVALID' }, why);
}

t.test('a link sets the password once, ends all sessions and signs nobody in (ASVS 6.4.3, ASVS 6.4.6)', async (t) => {
  const { app, users, use, reset, events } = await setUp(t);
  const cookie = await signIn(app, ANN);
  const token = await reset();
  t.equal(await welcome(app, cookie), 200, 'until the link is used nothing changes');
  t.ok(await signIn(app, ANN));
  const response = await use(token);
  t.equal(response.statusCode, 204);
  t.equal(response.body, '');
  t.same(setCookies(response), []);
  t.equal(response.headers['cache-control'], 'no-store');
  t.match(events().slice(-2), [
    { event: 'authn_password_change', username: 'ann', reason: 'link', address: '127.0.0.1' },
    { event: 'session_expired', username: 'ann', count: 2, reason: 'password changed' },
  ]);
  t.equal(await welcome(app, cookie), 401);
  t.equal(users.find('ann')?.passwordLink, undefined);
  await t.rejects(signIn(app, ANN));
  t.ok(await signIn(app, { ...ANN, password: NEXT }));
  isInvalid(t, await use(token), 'the second time');
  t.match(events().at(-1), { event: 'authn_password_change_fail', reason: 'unknown link', username: undefined });
});

t.test('of concurrent uses of one link exactly one sets the password', async (t) => {
  const { app, use, reset } = await setUp(t);
  const token = await reset();
  const candidates = Array.from({ length: 5 }, (_, index) => `${NEXT} ${index}`);
  const responses = await Promise.all(candidates.map((password) => use(token, password)));
  t.same(responses.map(({ statusCode }) => statusCode).sort(), [204, 403, 403, 403, 403]);
  const won = candidates[responses.findIndex(({ statusCode }) => statusCode === 204)] as string;
  t.ok(await signIn(app, { ...ANN, password: won }));
});

t.test('a link expires after an hour', async (t) => {
  const { clock, use, reset, events } = await setUp(t);
  const [first, second] = [await reset(), await reset()];
  isInvalid(t, await use(first), 'a later link exists');
  clock.advance(HOUR);
  isInvalid(t, await use(second));
  t.match(events().at(-1), { event: 'authn_password_change_fail', reason: 'expired link', username: 'ann' });
  const third = await reset();
  clock.advance(HOUR - 1);
  t.equal((await use(third)).statusCode, 204);
});

t.test('a change of the password, a rename, a disable and a removal make a link invalid', async (t) => {
  const changes: Record<string, (accounts: Accounts) => Promise<unknown>> = {
    passwd: (accounts) => accounts.changePassword('ann', 'a staple, a horse, a pen'),
    rename: (accounts) => accounts.rename('ann', 'anna'),
    disable: (accounts) => accounts.disable('ann'),
    'disable and enable': async (accounts) => {
      await accounts.disable('ann');
      await accounts.enable('ann');
    },
    remove: (accounts) => accounts.remove('ann'),
    'remove and add': async (accounts) => {
      await accounts.remove('ann');
      await accounts.add('ann', ANN.password);
    },
  };
  for (const [name, change] of Object.entries(changes)) {
    const { users, accounts, use, reset } = await setUp(t);
    const token = await reset();
    await change(accounts);
    const before = users.find('ann');
    isInvalid(t, await use(token), name);
    t.same(users.find('ann'), before, name);
    t.equal((users.find('ann') ?? users.find('anna'))?.passwordLink, undefined, name);
  }
});

t.test('a link becomes invalid if the user changes while the new password is hashed', async (t) => {
  const { users, accounts, use, reset, events } = await setUp(t);
  const token = await reset();
  const hash = passwords.hash.bind(passwords);
  t.teardown(() => {
    passwords.hash = hash;
  });
  passwords.hash = async (password) => {
    passwords.hash = hash;
    await createPasswordLink(users, 'ann', Date.UTC(2030, 0, 1, 12));
    return hash(password);
  };
  isInvalid(t, await use(token));
  t.match(events().at(-1), { event: 'authn_password_change_fail', reason: 'unknown link', username: 'ann' });
  t.ok(users.find('ann')?.passwordLink, 'the later link stays');
  await accounts.disable('ann');
});

t.test('a sign-in while the new password is hashed does not make the link invalid', async (t) => {
  const { app, use, reset } = await setUp(t);
  const token = await reset();
  const [used] = await Promise.all([use(token), signIn(app, ANN).catch(() => undefined)]);
  t.equal(used.statusCode, 204);
});

t.test('a password that is refused leaves the link valid', async (t) => {
  const { use, post, reset } = await setUp(t);
  const token = await reset();
  for (const password of ['short', 'ann with a horse and a battery', '']) {
    t.match((await use(token, password)).json(), { statusCode: 400, code: 'NEW_PASSWORD_REFUSED' });
  }
  for (const body of [{}, { token }, { newPassword: NEXT }, { token: 1, newPassword: NEXT }]) {
    t.match((await post(body)).json(), { statusCode: 400, code: 'INVALID_INPUT' });
  }
  const crossSite = await post({ token, newPassword: NEXT }, { origin: 'https://other.example' });
  t.match(crossSite.json(), { statusCode: 403, code: 'CROSS_ORIGIN_REFUSED' });
  t.equal((await use(token)).statusCode, 204);
});

t.test('invalid links are limited by address, and failed sign-ins do not count', async (t) => {
  const { app, use, reset, events } = await setUp(t);
  for (let i = 0; i < 30; i++) {
    await app.inject({ method: 'POST', url: '/signin', payload: { username: `user${i}`, password: 'wrong' } });
  }
  const token = await reset();
  t.equal((await use(token, 'short')).statusCode, 400, 'the link is valid');
  const attempts = await Promise.all(Array.from({ length: 25 }, () => use(`${token.slice(0, -9)}aaaaaaaaa`)));
  t.equal(attempts.filter(({ statusCode }) => statusCode === 403).length, 20);
  const limited = await use(token);
  t.match(limited.json(), { statusCode: 429, code: 'TOO_MANY_FAILURES' });
  t.equal(limited.headers['retry-after'], '900');
  t.match(events().at(-1), { event: 'excess_rate_limit_exceeded', limit: 'link' });
});

t.test('a failure of the store does not count as an invalid link', async (t) => {
  const { users, use, reset } = await setUp(t);
  const token = await reset();
  const { find } = users;
  users.find = () => {
    throw new Error('down');
  };
  for (let i = 0; i < 25; i++) {
    t.equal((await use(token)).statusCode, 503);
  }
  users.find = find;
  t.equal((await use(token)).statusCode, 204);
});

t.test('a user who is locked out by failures gets in with a link', async (t) => {
  const { app, use, reset } = await setUp(t);
  for (let i = 0; i < 11; i++) {
    await app.inject({ method: 'POST', url: '/signin', payload: { ...ANN, password: 'wrong' } });
  }
  t.equal((await use(await reset())).statusCode, 204);
  t.ok(await signIn(app, { ...ANN, password: NEXT }));
});

t.test('no log line has the token, at any level', async (t) => {
  const { app, log, use, reset } = await setUp(t);
  const token = await reset();
  const secret = token.split('.')[1] as string;
  for (const accept of ['text/html', 'application/json']) {
    await app.inject({ url: `/password/link?token=${token}`, headers: { accept } });
    await app.inject({ url: `/password/link/x?token=${token}`, headers: { accept } });
  }
  await use(`${token}x`.slice(1));
  await use(token, 'short');
  await use(token);
  await use(token);
  t.ok(log.length > 6);
  t.notMatch(log.join(''), secret);
});

t.test('an outage of the store is 503, and the link stays valid', async (t) => {
  const { users, use, reset } = await setUp(t);
  const token = await reset();
  const { replace } = users;
  users.replace = () => {
    throw new Error('down');
  };
  t.match((await use(token)).json(), { statusCode: 503, code: 'STORE_UNAVAILABLE' });
  users.replace = replace;
  t.equal((await use(token)).statusCode, 204);
});

t.test('no session stays if the store sets the password and the reply of the store is lost', async (t) => {
  const { app, users, use, reset, events } = await setUp(t);
  const cookie = await signIn(app, ANN);
  const token = await reset();
  const replace = users.replace.bind(users);
  users.replace = (...args) => {
    replace(...args);
    throw new Error('no reply');
  };
  t.match((await use(token)).json(), { statusCode: 503, code: 'STORE_UNAVAILABLE' });
  users.replace = replace;
  isInvalid(t, await use(token), 'a retry');
  t.equal(await welcome(app, cookie), 401);
  t.match(
    events().filter(({ event }) => event === 'session_expired'),
    [{ username: 'ann', count: 1, reason: 'password changed' }],
  );
  t.ok(await signIn(app, { ...ANN, password: NEXT }));
});

t.test('if the sessions cannot be ended, the link stays valid', async (t) => {
  const { app, sessions, use, reset } = await setUp(t);
  const cookie = await signIn(app, ANN);
  const token = await reset();
  const { removeByUser } = sessions;
  sessions.removeByUser = () => {
    throw new Error('down');
  };
  t.match((await use(token)).json(), { statusCode: 503, code: 'STORE_UNAVAILABLE' });
  sessions.removeByUser = removeByUser;
  t.equal(await welcome(app, cookie), 200);
  t.equal((await use(token)).statusCode, 204);
  t.equal(await welcome(app, cookie), 401);
});

t.test('if the store fails after the new password, the earlier sessions have ended', async (t) => {
  const { app, sessions, use, reset } = await setUp(t);
  const cookie = await signIn(app, ANN);
  const removeByUser = sessions.removeByUser.bind(sessions);
  let calls = 0;
  sessions.removeByUser = (owner) => {
    if (++calls > 1) {
      throw new Error('down');
    }
    return removeByUser(owner);
  };
  t.match((await use(await reset())).json(), { statusCode: 503, code: 'STORE_UNAVAILABLE' });
  t.equal(await welcome(app, cookie), 401);
});
