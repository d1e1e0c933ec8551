import type { FastifyInstance } from 'fastify';
import t, { type Test } from 'tap';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';
import { newUser } from '../../src/users/user-store.ts';
import {
  type BuildOptions,
  build,
  cookieOf,
  fakeClock,
  owner,
  setCookies,
  signIn,
  welcome,
} from '../helpers/service.ts';

const ANN = { username: 'ann', password: 'a horse, a battery' };
const NEW = 'a staple, and another horse';

async function setUp(t: Test, options: BuildOptions = {}) {
  const passwords = new PasswordHasher();
  const userStore = new MemoryUserStore();
  userStore.create(newUser(ANN.username, await passwords.hash(ANN.password)));
  return { userStore, app: await build(t, { userStore, passwords, ...options }) };
}

function change(app: FastifyInstance, cookie: string, payload: object, headers = {}) {
  return app.inject({ method: 'POST', url: '/password', payload, headers: { cookie, ...headers } });
}

const toNew = { currentPassword: ANN.password, newPassword: NEW };

t.test('a new password takes the place of the old one (ASVS 6.2.2)', async (t) => {
  const clock = fakeClock();
  const { app, userStore } = await setUp(t, { clock });
  const cookie = await signIn(app, ANN);
  clock.advance(1000);
  const changed = await change(app, cookie, toNew);
  t.equal(changed.statusCode, 200);
  t.match(changed.json(), { username: 'ann', authenticatedAt: '2030-01-01T12:00:01.000Z', current: true });
  t.match(userStore.find('ann'), { passwordChangedAt: clock(), passwordHash: /^\$argon2id\$/ });
  const old = await app.inject({ method: 'POST', url: '/signin', payload: ANN });
  t.equal(old.statusCode, 401);
  t.equal(await welcome(app, await signIn(app, { ...ANN, password: NEW })), 200);
});

t.test('this session gets a new token, and all others of the user end (ASVS 7.4.3)', async (t) => {
  const { app } = await setUp(t);
  const [mine, other] = [await signIn(app, ANN), await signIn(app, ANN)];
  const changed = await change(app, mine, toNew);
  const next = cookieOf(changed);
  t.equal(next.split('.')[0], mine.split('.')[0], 'the session stays');
  t.same([await welcome(app, next), await welcome(app, mine), await welcome(app, other)], [200, 401, 401]);
});

t.test('the browser is still known, others are not', async (t) => {
  const { app } = await setUp(t);
  const first = await app.inject({ method: 'POST', url: '/signin', payload: ANN });
  const elsewhere = cookieOf(await app.inject({ method: 'POST', url: '/signin', payload: ANN }), 'device_token');
  const mine = `${cookieOf(first)}; ${cookieOf(first, 'device_token')}`;
  const device = cookieOf(await change(app, mine, toNew), 'device_token');
  t.equal(device.split('.')[0], cookieOf(first, 'device_token').split('.')[0]);
  for (let i = 0; i < 10; i++) {
    await app.inject({ method: 'POST', url: '/signin', payload: { ...ANN, password: 'wrong' } });
  }
  const status = async (cookie: string) =>
    (
      await app.inject({
        method: 'POST',
        url: '/signin',
        payload: { ...ANN, password: NEW },
        headers: { cookie },
      })
    ).statusCode;
  t.equal(await status(elsewhere), 429);
  t.equal(await status(device), 200);
});

t.test('a wrong current password changes nothing, is no 401, and writes no cookie (ASVS 7.5.1)', async (t) => {
  const { app } = await setUp(t);
  const [cookie, other] = [await signIn(app, ANN), await signIn(app, ANN)];
  const refused = await change(app, cookie, { currentPassword: 'wrong', newPassword: NEW });
  t.match(refused.json(), { statusCode: 403, code: 'WRONG_PASSWORD' });
  t.same(setCookies(refused), []);
  t.same([await welcome(app, cookie), await welcome(app, other)], [200, 200]);
  t.equal(await welcome(app, await signIn(app, ANN)), 200);
});

t.test('a wrong current password counts like one at a sign-in, and those count here (ASVS 6.3.4)', async (t) => {
  const { app } = await setUp(t);
  const cookie = await signIn(app, ANN);
  const wrong = { currentPassword: 'wrong', newPassword: NEW };
  for (let i = 0; i < 5; i++) {
    t.equal((await change(app, cookie, wrong)).statusCode, 403);
    const signin = { method: 'POST', url: '/signin', payload: { ...ANN, password: 'wrong' } } as const;
    t.equal((await app.inject(signin)).statusCode, 401);
  }
  const throttled = await change(app, cookie, toNew);
  t.match(throttled.json(), { statusCode: 429, code: 'TOO_MANY_FAILURES' });
  t.match(throttled.headers['retry-after'], /^\d+$/);
  t.same(setCookies(throttled), []);
  t.equal((await app.inject({ method: 'POST', url: '/signin', payload: ANN })).statusCode, 429);
  t.equal(await welcome(app, cookie), 200, 'who is signed in stays so');
});

t.test('a new password must be one that the command line would take, and says what is wrong', async (t) => {
  const { app } = await setUp(t);
  const cookie = await signIn(app, ANN);
  const bad = {
    'too short': 'The password has 9 characters; it must have 15 or more.',
    'ann, ann, ann and ann': "The password must not contain the user's name.",
    passwordpassword: 'The password is one of the most common ones: an attacker tries it first.',
  };
  for (const [newPassword, message] of Object.entries(bad)) {
    const refused = await change(app, cookie, { currentPassword: ANN.password, newPassword });
    t.match(refused.json(), { statusCode: 400, code: 'NEW_PASSWORD_REFUSED', message });
    t.same(setCookies(refused), []);
  }
  t.equal(await welcome(app, await signIn(app, ANN)), 200);
});

t.test('PASSWORD_MIN_LENGTH holds here, too', async (t) => {
  const { app } = await setUp(t, { env: { PASSWORD_MIN_LENGTH: '8' } });
  const payload = { currentPassword: ANN.password, newPassword: 'korrekt9pferd' };
  t.equal((await change(app, await signIn(app, ANN), payload)).statusCode, 200);
});

t.test('fields that are missing, no strings or too long are 400 (ASVS 6.2.3)', async (t) => {
  const { app } = await setUp(t);
  const cookie = await signIn(app, ANN);
  for (const payload of [
    {},
    { currentPassword: ANN.password },
    { newPassword: NEW },
    { ...toNew, newPassword: 1 },
    { ...toNew, currentPassword: null },
    { ...toNew, newPassword: 'x'.repeat(1025) },
    [],
  ]) {
    t.match((await change(app, cookie, payload)).json(), { statusCode: 400, code: 'INVALID_INPUT' });
  }
});

t.test('only who is signed in, on a page of our own, changes a password', async (t) => {
  const { app } = await setUp(t);
  const cookie = await signIn(app, ANN);
  t.equal((await change(app, 'session_token=garbage', toNew)).statusCode, 401);
  t.equal((await change(app, cookie, toNew, { 'sec-fetch-site': 'cross-site' })).statusCode, 403);
  t.equal(await welcome(app, await signIn(app, ANN)), 200);
});

t.test('of two changes at the same time with one password, one wins', async (t) => {
  const { app } = await setUp(t);
  const cookies = [await signIn(app, ANN), await signIn(app, ANN)];
  const replies = await Promise.all(
    cookies.map((cookie, i) => change(app, cookie, { ...toNew, newPassword: `${NEW} ${i}` })),
  );
  const statuses = replies.map(({ statusCode }) => statusCode);
  t.equal(statuses.filter((status) => status === 200).length, 1, String(statuses));
  const winner = statuses.indexOf(200);
  t.equal(await welcome(app, cookieOf(replies[winner] as (typeof replies)[0])), 200);
  t.equal(await welcome(app, await signIn(app, { ...ANN, password: `${NEW} ${winner}` })), 200);
});

t.test('a session that ends while its user changes the password is not revived', async (t) => {
  const { app, userStore } = await setUp(t);
  const cookie = await signIn(app, ANN);
  const replace = userStore.replace.bind(userStore);
  userStore.replace = (next, version) => {
    app.sessionStore.removeByUser({ ...owner('ann'), userId: next.id });
    return replace(next, version);
  };
  const changed = await change(app, cookie, toNew);
  t.match(changed.json(), { statusCode: 401, code: 'NOT_SIGNED_IN' });
  t.same(setCookies(changed), []);
  userStore.replace = replace;
  t.equal(await welcome(app, await signIn(app, { ...ANN, password: NEW })), 200, 'the password is the new one');
});

t.test('other sessions end if the store sets the new password and the reply of the store is lost', async (t) => {
  const { app, userStore } = await setUp(t);
  const [mine, other] = [await signIn(app, ANN), await signIn(app, ANN)];
  const replace = userStore.replace.bind(userStore);
  userStore.replace = (...args) => {
    replace(...args);
    throw new Error('no reply');
  };
  t.match((await change(app, mine, toNew)).json(), { statusCode: 503, code: 'STORE_UNAVAILABLE' });
  t.same([await welcome(app, mine), await welcome(app, other)], [200, 401]);
});
