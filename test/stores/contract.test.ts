import Fastify from 'fastify';
import t from 'tap';
import { login } from '../../src/plugins/login.ts';
import { sessions } from '../../src/plugins/sessions.ts';
import { loginRoutes } from '../../src/routes/login-routes.ts';
import type { SessionStore } from '../../src/sessions/session-store.ts';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { timeBoundFailureCounter, timeBoundSessionStore, timeBoundUserStore } from '../../src/stores/time-bound.ts';
import type { FailureCounter } from '../../src/users/failure-counter.ts';
import { newUser, type UserStore } from '../../src/users/user-store.ts';
import { build, record, removeAll, signIn, stubStore, USER1 } from '../helpers/service.ts';

function errorLog() {
  const messages: string[] = [];
  return { messages, error: (_details: object, message: string) => messages.push(message) };
}

/** An object whose methods all return the same. */
const returning = (answer: unknown) => new Proxy({}, { get: () => () => answer }) as never;

type Call = (...args: unknown[]) => unknown;

const SESSION_METHODS: Record<string, unknown> = {
  create: undefined,
  find: null,
  replace: 1,
  remove: 'yes',
  listByUser: [null],
  removeByUser: undefined,
  list: undefined,
  now: Number.NaN,
};

t.test('a session store that breaks its contract is unavailable, and the log names the method once', async (t) => {
  for (const [method, answer] of Object.entries(SESSION_METHODS)) {
    for (const given of [answer, ...(method === 'list' || method === 'now' ? [] : [Promise.resolve(answer)])]) {
      const log = errorLog();
      const store = timeBoundSessionStore(returning(given) as SessionStore, 1000, log);
      const call = async () => (store[method as keyof SessionStore] as Call)('id');
      const expected = { code: 'STORE_UNAVAILABLE', cause: { message: /breaks its contract/ } };
      await t.rejects(call(), expected, method);
      await t.rejects(call(), expected, method);
      t.equal(log.messages.length, 1, method);
      t.match(log.messages[0], `the session store breaks its contract: ${method}() returned `);
    }
  }
});

t.test('the message has the type and never the value, which could be a secret', async (t) => {
  const cases: [unknown, string][] = [
    [null, 'returned null, but must return a session record with the fields and types of SessionRecord, or undefined'],
    ['s3cret', 'returned a value of type string'],
    [['s3cret'], 'returned an array with other elements'],
    [{ session: { id: 's3cret' } }, 'returned a value of type object'],
    [{ ...record(), secretHash: undefined }, 'returned a value of type object'],
  ];
  for (const [answer, message] of cases) {
    const log = errorLog();
    t.throws(() => timeBoundSessionStore(returning(answer) as SessionStore, 1000, log).find('id'));
    t.match(log.messages[0], message);
    t.notMatch(log.messages[0], 's3cret');
  }
});

t.test('the same for a user store', async (t) => {
  const cases = { create: undefined, find: null, replace: undefined, remove: undefined, list: 7 };
  for (const [method, answer] of Object.entries(cases)) {
    const log = errorLog();
    const store = timeBoundUserStore(returning(answer) as UserStore, 1000, log);
    t.throws(() => (store[method as keyof UserStore] as Call)('ann'), { code: 'STORE_UNAVAILABLE' }, method);
    t.match(log.messages, [`the user store breaks its contract: ${method}() returned `]);
  }
});

t.test('the same for a failure counter', async (t) => {
  const cases = { get: null, increment: { failures: '1' }, take: undefined };
  for (const [method, answer] of Object.entries(cases)) {
    const log = errorLog();
    const counter = timeBoundFailureCounter(returning(answer) as FailureCounter, 1000, log);
    t.throws(() => (counter[method as keyof FailureCounter] as Call)('key'), { code: 'STORE_UNAVAILABLE' }, method);
    t.match(log.messages, [`the failure counter breaks its contract: ${method}() returned `]);
  }
});

t.test('a record with a field of another type is refused: a comparison with it would fail open', async (t) => {
  const { session } = record();
  const key = { x: 'x', y: 'y' };
  const wrong: object[] = [
    ...['createdAt', 'authenticatedAt', 'expiresAt', 'endsAt'].flatMap((name) =>
      [undefined, null, Number.NaN, '2030-01-01T12:00:00Z', new Date()].map((value) => ({
        session: { ...session, [name]: value },
      })),
    ),
    { session: { ...session, bound: 1 } },
    { replaced: [null] },
    { replaced: [{ secretHash: 'hash' }] },
    { replaced: [{ replacedAt: 1 }] },
    { binding: null },
    { binding: { key: null, challengeKey: 'key', tokenExpiresAt: 1 } },
    { binding: { key, challengeKey: 1, tokenExpiresAt: 1 } },
    { binding: { key, challengeKey: 'key', tokenExpiresAt: '1' } },
  ];
  const find = (one: object) =>
    timeBoundSessionStore(returning({ ...record(), ...one }) as SessionStore, 1000).find('id');
  for (const one of wrong) {
    t.throws(() => find(one), { code: 'STORE_UNAVAILABLE' }, JSON.stringify(one));
  }
  const right = {
    replaced: [{ secretHash: 'hash', replacedAt: 1 }],
    binding: { key, challengeKey: 'key', tokenExpiresAt: 1 },
  };
  t.match(find(right), right);

  const user = newUser('ann', '$argon2id$v=19$hash');
  const findUser = (passwordLink: unknown) =>
    timeBoundUserStore(returning({ ...user, passwordLink }) as UserStore, 1000).find('ann');
  for (const link of [null, 'link', {}, { secretHash: 'hash', expiresAt: '1' }, { expiresAt: 1 }]) {
    t.throws(() => findUser(link), { code: 'STORE_UNAVAILABLE' }, JSON.stringify(link));
  }
  const link = { secretHash: 'hash', expiresAt: 1 };
  t.match(findUser(link), { passwordLink: link });
});

t.test('a list may be iterable or async iterable', async (t) => {
  async function* records() {
    yield record();
  }
  for (const list of [[record()], records()]) {
    t.equal(timeBoundSessionStore(returning(list) as SessionStore, 1000).list(), list);
  }
  t.throws(() => timeBoundSessionStore(returning({}) as SessionStore, 1000).list(), { code: 'STORE_UNAVAILABLE' });
});

t.test('without a log, the error has the reason', async (t) => {
  t.throws(() => timeBoundSessionStore(returning(null) as SessionStore, 1000).find('id'), {
    cause: { message: /find\(\) returned null/ },
  });
});

t.test('with a broken session store every request is 503, without a cookie, and the log says why', async (t) => {
  const inner = new MemorySessionStore();
  t.teardown(() => inner.close());
  let isBroken = false;
  const log: string[] = [];
  const app = await build(t, {
    log,
    env: { LOG_LEVEL: 'error' },
    sessionStore: stubStore(inner, {
      find: (id) => inner.find(id) ?? (null as never),
      create: (record) => {
        const isNew = inner.create(record);
        return isBroken ? (undefined as never) : isNew;
      },
    }),
  });
  const cookie = await signIn(app);
  isBroken = true;
  await removeAll(inner);
  for (let round = 0; round < 2; round++) {
    const requests = [
      app.inject({ url: '/welcome', headers: { cookie } }),
      app.inject({ method: 'POST', url: '/refresh', headers: { cookie } }),
      app.inject({ method: 'POST', url: '/logout', headers: { cookie } }),
      app.inject({ method: 'POST', url: '/signin', payload: USER1 }),
    ];
    for (const reply of await Promise.all(requests)) {
      t.equal(reply.statusCode, 503);
      t.notOk(reply.headers['set-cookie']);
    }
  }
  const told = log.map((line) => JSON.parse(line).msg).filter((message) => /^the session store breaks/.test(message));
  t.match(told.sort(), [/create\(\) returned undefined, but must return true or false/, /find\(\) returned null/]);
  t.equal(told.length, 2);
});

t.test('with a user store that answers null, sign-in is 503 and not a refusal', async (t) => {
  const log: string[] = [];
  const app = Fastify({ logger: { level: 'error', stream: { write: (line) => log.push(line) } } });
  t.teardown(() => app.close());
  await app.register(sessions);
  const users = { find: () => null as never, replace: new MemoryUserStore().replace };
  await app.register(login, { stores: { users } });
  await app.register(loginRoutes);
  t.equal((await app.inject({ method: 'POST', url: '/signin', payload: USER1 })).statusCode, 503);
  t.match(log.join(), 'the user store breaks its contract: find() returned null');
});
