import { hash } from '@node-rs/argon2';
import Fastify, { type FastifyInstance } from 'fastify';
import t from 'tap';
import { login } from '../../src/exports/login.ts';
import { optionalSession, requireSession, sessions } from '../../src/index.ts';
import { openMemoryFailureCounter } from '../../src/stores/memory/failure-counter.ts';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { openStores } from '../../src/stores/open-stores.ts';
import { closeStores } from '../../src/stores/stores.ts';
import type { OpenFailureCounter } from '../../src/users/failure-counter.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';
import { newUser } from '../../src/users/user-store.ts';
import { build, cookieOf, fakeClock, setCookies, USER1 } from '../helpers/service.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';

const ANN = { username: 'ann', password: 'a password of her own' };

async function tryToSignIn(app: FastifyInstance, payload: object) {
  return (await app.inject({ method: 'POST', url: '/signin', payload })).json();
}

t.test('the demo users exist with the store in memory, and the log warns of them', async (t) => {
  const log: string[] = [];
  const app = await build(t, { log, env: { LOG_LEVEL: 'info' } });
  t.match(await tryToSignIn(app, USER1), { username: 'user1' });
  t.match(await tryToSignIn(app, { username: 'user2', password: 'password2' }), { username: 'user2' });
  t.match(JSON.parse(log[0] ?? '{}'), { level: 40, users: ['user1', 'user2'], msg: /^DEMO USERS/ });
});

t.test('with a store of users there are no others', async (t) => {
  const log: string[] = [];
  const passwords = new PasswordHasher();
  const userStore = new MemoryUserStore();
  userStore.create(newUser(ANN.username, await passwords.hash(ANN.password)));
  const app = await build(t, { log, env: { LOG_LEVEL: 'warn' }, userStore, passwords });
  t.match(await tryToSignIn(app, ANN), { username: 'ann' });
  t.same(log, []);
  t.match(await tryToSignIn(app, USER1), { statusCode: 401 });
});

t.test('on a bare app, it needs a store of users and no other option', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  const store = new MemoryUserStore();
  store.create(newUser(ANN.username, await new PasswordHasher().hash(ANN.password)));
  await app.register(login, { stores: { users: store } });
  app.post('/signin', async (_request, reply) => reply.signIn(ANN));
  app.post('/password', { preHandler: app.requireSession }, async (_request, reply) =>
    reply.changePassword(ANN.password, 'another password of hers'),
  );
  const entered = await app.inject({ method: 'POST', url: '/signin' });
  t.match(entered.json(), { username: 'ann' });
  const cookies = Object.fromEntries(entered.cookies.map(({ name, value }) => [name, value]));
  t.same(Object.keys(cookies), ['session_token', 'device_token']);
  t.equal((await app.inject({ method: 'POST', url: '/password', cookies })).statusCode, 200);
  t.match((await app.inject({ method: 'POST', url: '/signin' })).json(), { code: 'SIGN_IN_REFUSED' });
});

t.test('it takes the stores of openStores', async (t) => {
  for (const url of ['memory:', `lmdb:${temporaryDirectory(t)}/data`]) {
    const app = Fastify();
    t.teardown(() => app.close());
    const stores = await openStores(url);
    t.teardown(() => closeStores(stores));
    await stores.users.create(newUser(ANN.username, await new PasswordHasher().hash(ANN.password)));
    await app.register(login, { stores });
    app.post('/signin', async (_request, reply) => reply.signIn(ANN));
    t.match((await app.inject({ method: 'POST', url: '/signin' })).json(), { username: 'ann' });
  }
});

t.test('it registers the sessions, with their options, store and clock', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  const clock = fakeClock();
  const store = new MemorySessionStore({ clock });
  t.teardown(() => store.close());
  const users = new MemoryUserStore();
  users.create(newUser(ANN.username, await new PasswordHasher().hash(ANN.password)));
  const session = { idleSeconds: 900, cookie: { name: 'area', secure: true } };
  await app.register(login, { stores: { users, sessions: store }, session, deviceCookie: { name: 'browser' }, clock });
  app.post('/signin', async (request, reply) => reply.signIn(request.body));
  t.equal(app.sessionStore, store);
  const response = await app.inject({ method: 'POST', url: '/signin', payload: ANN });
  t.match(response.json(), { expiresAt: clock() + 900_000 });
  t.match(setCookies(response), [/^__Host-area=.*Max-Age=900;.*Secure/, /^__Host-browser=.*Secure/]);
});

t.test('it uses the sessions that are there, and the clock of their store', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  const clock = fakeClock();
  const store = Object.assign(new MemorySessionStore({ clock }), { now: clock });
  t.teardown(() => store.close());
  const users = new MemoryUserStore();
  users.create(newUser(ANN.username, await new PasswordHasher().hash(ANN.password)));
  app.register(sessions, { store, cookie: { secure: true } });
  app.register(login, { stores: { users, sessions: store } });
  app.post('/signin', async (request, reply) => reply.signIn(request.body));
  const response = await app.inject({ method: 'POST', url: '/signin', payload: ANN });
  t.match(response.json(), { createdAt: clock() });
  t.match(setCookies(response), [/^__Host-session_token=/, /^__Host-device_token=.* 30 Jun 2030 /]);
});

t.test('options that the sessions would ignore are refused', async (t) => {
  const users = new MemoryUserStore();
  const other = new MemorySessionStore();
  t.teardown(() => other.close());
  for (const options of [
    { stores: { users }, session: { idleSeconds: 900 } },
    { stores: { users, sessions: other } },
  ]) {
    const app = Fastify();
    t.teardown(() => app.close());
    await app.register(sessions);
    await t.rejects(async () => app.register(login, options), /^login: the plugin sessions is registered already/);
  }
});

t.test('any value may be passed: what is not a string is a wrong name or password', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  const users = new MemoryUserStore();
  users.create(newUser(ANN.username, await new PasswordHasher().hash(ANN.password)));
  await app.register(login, { stores: { users }, failuresPerUser: 100, failuresPerAddress: 100 });
  let credentials: unknown;
  app.post('/signin', async (_request, reply) => reply.signIn(credentials));
  app.post('/body', async (request, reply) => reply.signIn(request.body));
  let passwords: unknown[] = [];
  app.post('/password', { preHandler: app.requireSession }, async (_request, reply) =>
    reply.changePassword(passwords[0], passwords[1]),
  );
  for (credentials of [
    {},
    undefined,
    null,
    'ann',
    7,
    [],
    { username: 'ann' },
    { username: ['ann'], password: ANN.password },
    { username: 'ann', password: { toString: () => ANN.password } },
    { password: ANN.password },
    Object.create(null),
  ]) {
    const response = await app.inject({ method: 'POST', url: '/signin' });
    t.match(response.json(), { statusCode: 401, code: 'SIGN_IN_REFUSED' }, String(JSON.stringify(credentials)));
  }
  t.match((await app.inject({ method: 'POST', url: '/body' })).json(), { statusCode: 401, code: 'SIGN_IN_REFUSED' });
  credentials = ANN;
  const cookie = cookieOf(await app.inject({ method: 'POST', url: '/signin' }));
  for (const [values, code] of [
    [[undefined, 'another password of hers'], 'WRONG_PASSWORD'],
    [[ANN.password, undefined], 'NEW_PASSWORD_REFUSED'],
    [[ANN.password, ['another password of hers']], 'NEW_PASSWORD_REFUSED'],
  ] as const) {
    passwords = [...values];
    t.match((await app.inject({ method: 'POST', url: '/password', headers: { cookie } })).json(), { code });
  }
});

t.test('a store of users that fails or hangs is "cannot tell"', async (t) => {
  const broken = new MemoryUserStore();
  broken.find = () => {
    throw new Error('down');
  };
  // Waits for real: the bound is a timer of the process.
  const hanging = { find: () => new Promise<never>(() => {}) };
  for (const userStore of [broken, Object.assign(new MemoryUserStore(), hanging)]) {
    const app = await build(t, { userStore, env: { STORE_TIMEOUT_MS: '20' } });
    t.match(await tryToSignIn(app, ANN), { statusCode: 503, code: 'STORE_UNAVAILABLE' });
  }
});

t.test('a hash that cannot be renewed is logged, and keeps nobody from signing in', async (t) => {
  const log: string[] = [];
  const userStore = new MemoryUserStore();
  userStore.create(newUser(ANN.username, await hash(ANN.password, { memoryCost: 4096 })));
  userStore.replace = () => {
    throw new Error('down');
  };
  const app = await build(t, { log, userStore, env: { LOG_LEVEL: 'warn' } });
  t.match(await tryToSignIn(app, ANN), { username: 'ann' });
  t.match(JSON.parse(log[0] ?? '{}'), { level: 40, msg: /could not be stored/ });
});

t.test('a hash that cannot be verified is a wrong password, and an error in the log', async (t) => {
  const log: string[] = [];
  const userStore = new MemoryUserStore();
  userStore.create(newUser(ANN.username, '$argon2id$v=19$m=19456,t=2,p=1$cut'));
  const app = await build(t, { log, userStore, env: { LOG_LEVEL: 'error' } });
  const refused = await tryToSignIn(app, ANN);
  t.same(refused, await tryToSignIn(app, { ...ANN, username: 'nobody' }));
  t.match(refused, { statusCode: 401, code: 'SIGN_IN_REFUSED' });
  t.equal(log.length, 1);
  t.match(JSON.parse(log[0] ?? '{}'), { level: 50, username: 'ann', msg: /cannot be verified/ });
});

t.test('a store that keeps anything has no demo users (ASVS 6.3.2)', async (t) => {
  const app = await build(t, { env: { STORE_URL: `lmdb:${temporaryDirectory(t)}/data` } });
  t.match(await tryToSignIn(app, USER1), { statusCode: 401 });
});

t.test('options that make no sense stop the start', async (t) => {
  const users = new MemoryUserStore();
  const stores = { users };
  const wrong = [
    {},
    { stores: {} },
    { stores: { users: {} } },
    { stores: { users, sessions: {} } },
    { stores: { users, openFailureCounter: 'memory' } },
    { stores: { users, session: {} } },
    { stores, session: 'none' },
    { stores, session: { store: {} } },
    { stores, session: { clock: Date.now } },
    { stores, failureWindowSeconds: Number.NaN },
    { stores, failureWindowSeconds: 3_000_000 },
    { stores, failuresPerUser: 0 },
    { stores, passwordMinLength: '15' },
    { stores, passwords: {} },
    { stores, deviceCookie: { name: 'no token' } },
    { stores, deviceCookie: { secure: true } },
  ];
  for (const options of wrong) {
    const app = Fastify();
    t.teardown(() => app.close());
    await t.rejects(async () => app.register(login, options as never), /^login: \w+ is .*: it must be/);
    t.notOk(app.hasDecorator('sessionStore'));
  }
});

t.test('the message about an option has no value that may be secret', async (t) => {
  const url = 'redis://:hunter2@host';
  const stores = { users: new MemoryUserStore() };
  const wrong: [options: object, message: string][] = [
    [{ stores: { ...stores, url, cache: { url } } }, 'stores is an object with users, url, cache: it must be'],
    [{ stores: url }, 'stores is a string: it must be'],
    [{ stores: [url] }, 'stores is an array: it must be'],
    [{ stores: () => url }, 'stores is a function: it must be'],
    [{ stores: {} }, 'stores is an object: it must be'],
    [{ stores: null }, 'stores is null: it must be'],
    [{}, 'stores is undefined: it must be'],
    [{ stores, failuresPerUser: -1 }, 'failuresPerUser is -1: it must be'],
  ];
  for (const [options, message] of wrong) {
    const app = Fastify();
    t.teardown(() => app.close());
    await t.rejects(async () => app.register(login, options as never), { message: new RegExp(`^login: ${message}`) });
  }
});

t.test('one scope has the plugin once, and a scope inside may have its own, with its own sessions', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  const hasher = new PasswordHasher();
  const storeOf = async (username: string) => {
    const users = new MemoryUserStore();
    users.create(newUser(username, await hasher.hash(ANN.password)));
    return { users };
  };
  await app.register(login, { stores: await storeOf('ann') });
  app.post('/signin', async (request, reply) => reply.signIn(request.body as typeof ANN));
  app.register(
    async (admin) => {
      await admin.register(login, { stores: await storeOf('root'), session: { cookie: { name: 'admin' } } });
      admin.post('/signin', async (request, reply) => reply.signIn(request.body as typeof ANN));
    },
    { prefix: '/admin' },
  );
  const signIn = (url: string, username: string) => app.inject({ method: 'POST', url, payload: { ...ANN, username } });
  t.match((await signIn('/signin', 'ann')).json(), { namespace: 'session_token' });
  t.match((await signIn('/admin/signin', 'root')).json(), { namespace: 'admin' });
  t.equal((await signIn('/signin', 'root')).statusCode, 401);
  t.equal((await signIn('/admin/signin', 'ann')).statusCode, 401);
  const twice = Fastify();
  t.teardown(() => twice.close());
  await twice.register(login, { stores: await storeOf('ann') });
  const stores = await storeOf('bob');
  await t.rejects(async () => twice.register(login, { stores }), { message: /registered twice in one scope/ });
});

t.test('areas that share the counters of failures are limited each alone', async (t) => {
  const names: string[] = [];
  for (const session of [undefined, { cookie: { name: 'admin' } }]) {
    const app = Fastify();
    t.teardown(() => app.close());
    const openFailureCounter: OpenFailureCounter = (name, seconds) => {
      names.push(name);
      return openMemoryFailureCounter(name, seconds);
    };
    const stores = { users: new MemoryUserStore(), openFailureCounter };
    await app.register(login, { stores, ...(session && { session }) });
  }
  t.equal(new Set(names).size, names.length);
  t.ok(names.includes('address'), 'the names of the service stay');
  t.ok(names.includes('admin:address'));
});

t.test('the session of the request is the one that starts, and none after a sign-out', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  await app.register(sessions);
  const user = { userId: '1', username: 'ann' };
  app.post('/enter', { onRequest: optionalSession }, async (request, reply) => {
    const session = await reply.startSession(user);
    return { same: request.session === session && request.sessionOrNull === session };
  });
  app.post('/leave', { onRequest: requireSession }, async (request, reply) => {
    await reply.signOut();
    return { session: request.sessionOrNull };
  });
  const entered = await app.inject({ method: 'POST', url: '/enter' });
  t.same(entered.json(), { same: true });
  const headers = { cookie: cookieOf(entered) };
  t.same((await app.inject({ method: 'POST', url: '/leave', headers })).json(), { session: null });
});

t.test('a login with other users needs sessions of its own', async (t) => {
  const nested = Fastify();
  t.teardown(() => nested.close());
  await nested.register(login, { stores: { users: new MemoryUserStore() } });
  nested.register(async (admin) => {
    await admin.register(login, { stores: { users: new MemoryUserStore() } });
  });
  await t.rejects(async () => nested.ready(), { name: 'TypeError', message: /other users accepts the same sessions/ });

  const siblings = Fastify();
  t.teardown(() => siblings.close());
  const sessions = new MemorySessionStore();
  t.teardown(() => sessions.close());
  for (let i = 0; i < 2; i++) {
    siblings.register(async (area) => {
      await area.register(login, { stores: { sessions, users: new MemoryUserStore() } });
    });
  }
  await t.rejects(async () => siblings.ready(), {
    name: 'TypeError',
    message: /other users accepts the same sessions/,
  });
});

t.test('the two cookies cannot have one name', async (t) => {
  const stores = { users: new MemoryUserStore() };
  const session = { cookie: { name: 'device_token' } };
  await t.rejects(async () => Fastify().register(login, { stores, session }), { message: /have the same name/ });
});
