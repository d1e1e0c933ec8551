import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { generateToken } from '../../src/sessions/token.ts';
import { build, fakeClock, signIn, USER1, welcome } from '../helpers/service.ts';

const USER2 = { username: 'user2', password: 'password2' };
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

const idOf = (cookie: string) => cookie.slice('session_token='.length).split('.')[0] as string;

function ask(app: FastifyInstance, method: 'GET' | 'DELETE', url: string, cookie?: string) {
  return app.inject({ method, url, headers: cookie === undefined ? {} : { cookie } });
}

t.test('it lists all of mine, newest first, with where they come from, and no token or hash', async (t) => {
  const clock = fakeClock();
  const app = await build(t, { clock, env: { TRUST_PROXY: 'loopback' } });
  const first = await signIn(app, USER1, {
    'user-agent': FIREFOX,
    'x-forwarded-for': '2001:DB8:0:0:0:0:0:1',
  });
  clock.advance(1000);
  const second = await signIn(app, USER1, { 'user-agent': 'curl/8.5.0' });
  await signIn(app, USER2);
  const { statusCode, headers, body } = await ask(app, 'GET', '/sessions', second);
  t.equal(statusCode, 200);
  t.equal(headers['cache-control'], 'no-store');
  t.equal(headers['set-cookie'], undefined);
  const common = { username: 'user1' };
  t.strictSame(JSON.parse(body), [
    {
      ...common,
      id: idOf(second),
      createdAt: '2030-01-01T12:00:01.000Z',
      authenticatedAt: '2030-01-01T12:00:01.000Z',
      expiresAt: '2030-01-01T12:02:01.000Z',
      endsAt: '2030-01-02T00:00:01.000Z',
      bound: false,
      current: true,
      address: '127.0.0.1',
      device: 'curl',
    },
    {
      ...common,
      id: idOf(first),
      createdAt: '2030-01-01T12:00:00.000Z',
      authenticatedAt: '2030-01-01T12:00:00.000Z',
      expiresAt: '2030-01-01T12:02:00.000Z',
      endsAt: '2030-01-02T00:00:00.000Z',
      bound: false,
      current: false,
      address: '2001:db8::1',
      device: 'Firefox on Linux',
    },
  ]);
  clock.advance(119_000);
  t.equal((await ask(app, 'GET', '/sessions', second)).json().length, 1, 'an expired one is not listed');
});

t.test('one of mine can be ended, and is dead at once', async (t) => {
  const app = await build(t);
  const [mine, other] = [await signIn(app), await signIn(app)];
  const ended = await ask(app, 'DELETE', `/sessions/${idOf(other)}`, mine);
  t.strictSame([ended.statusCode, ended.json()], [200, { ended: 1 }]);
  t.equal(ended.headers['set-cookie'], undefined);
  t.same([await welcome(app, mine), await welcome(app, other)], [200, 401]);
  t.equal((await ask(app, 'DELETE', `/sessions/${idOf(mine)}`, mine)).statusCode, 200, 'also this one');
  t.equal(await welcome(app, mine), 401);
});

t.test("somebody else's session, one that is over and one that never was are the same 404", async (t) => {
  const clock = fakeClock();
  const app = await build(t, { clock });
  const expired = await signIn(app);
  clock.advance(60_000);
  const ended = await signIn(app);
  await ask(app, 'GET', '/logout', ended);
  const theirs = await signIn(app, USER2);
  clock.advance(60_000);
  const mine = await signIn(app);
  const ids = [idOf(theirs), idOf(ended), idOf(expired), generateToken().id, 'nonsense', '%00', '__proto__'];
  const replies = new Set<string>();
  for (const id of ids) {
    const { statusCode, headers, body } = await ask(app, 'DELETE', `/sessions/${id}`, mine);
    t.equal(statusCode, 404, id);
    const { date: _, 'x-request-id': __, ...rest } = headers;
    replies.add(JSON.stringify([rest, body]));
  }
  t.equal(replies.size, 1);
  t.match([...replies][0], 'NO_SUCH_SESSION');
  t.equal(await welcome(app, theirs), 200);
});

t.test('all but this one can be ended', async (t) => {
  const app = await build(t);
  const cookies = [await signIn(app), await signIn(app), await signIn(app)];
  const theirs = await signIn(app, USER2);
  const [mine = ''] = cookies;
  t.strictSame((await ask(app, 'DELETE', '/sessions', mine)).json(), { ended: 2 });
  t.strictSame((await ask(app, 'DELETE', '/sessions', mine)).json(), { ended: 0 });
  t.same(await Promise.all(cookies.map((cookie) => welcome(app, cookie))), [200, 401, 401]);
  t.equal(await welcome(app, theirs), 200);
});

t.test(
  'to end sessions takes a sign-in not long ago, which a refresh is not; to see them does not (ASVS 7.5.2)',
  async (t) => {
    const clock = fakeClock();
    const env = { SESSION_IDLE_SECONDS: '600', FRESH_SECONDS: '300', LOG_LEVEL: 'warn' };
    const log: string[] = [];
    const app = await build(t, { clock, log, env });
    const [mine, other] = [await signIn(app), await signIn(app)];
    clock.advance(299_999);
    t.equal((await ask(app, 'DELETE', `/sessions/${generateToken().id}`, mine)).statusCode, 404);
    clock.advance(1);
    for (const url of ['/sessions', `/sessions/${idOf(other)}`]) {
      const refused = await ask(app, 'DELETE', url, mine);
      t.match(refused.json(), { statusCode: 403, code: 'SIGN_IN_AGAIN' });
      t.equal(refused.headers['set-cookie'], undefined);
    }
    t.match(JSON.parse(log.at(-1) ?? '{}'), { event: 'authz_fail', reason: 'signed in too long ago' });
    t.equal(await welcome(app, other), 200);
    t.equal((await ask(app, 'GET', '/sessions', mine)).statusCode, 200);

    const again = await signIn(app, USER1, { cookie: mine });
    t.equal(await welcome(app, mine), 401, 'signing in again replaces the session');
    t.strictSame((await ask(app, 'DELETE', `/sessions/${idOf(other)}`, again)).json(), { ended: 1 });
  },
);

t.test('without a session there is nothing to see and nothing to end', async (t) => {
  const app = await build(t);
  const cookie = await signIn(app);
  const forged = `${cookie.split('.')[0]}.${'A'.repeat(43)}`;
  for (const presented of [undefined, forged]) {
    t.equal((await ask(app, 'GET', '/sessions', presented)).statusCode, 401);
    t.equal((await ask(app, 'DELETE', '/sessions', presented)).statusCode, 401);
    t.equal((await ask(app, 'DELETE', `/sessions/${idOf(cookie)}`, presented)).statusCode, 401);
  }
  t.equal(await welcome(app, cookie), 200);
});

t.test('another site cannot make a browser end sessions', async (t) => {
  const app = await build(t);
  const [mine, other] = [await signIn(app), await signIn(app)];
  for (const url of ['/sessions', `/sessions/${idOf(other)}`]) {
    const headers = { cookie: mine, 'sec-fetch-site': 'cross-site' };
    t.equal((await app.inject({ method: 'DELETE', url, headers })).statusCode, 403);
  }
  t.equal(await welcome(app, other), 200);
});

t.test('of two who end one session at the same time, one has ended it', async (t) => {
  const app = await build(t);
  const [mine, other] = [await signIn(app), await signIn(app)];
  const end = () => ask(app, 'DELETE', `/sessions/${idOf(other)}`, mine);
  const statuses = (await Promise.all([end(), end()])).map(({ statusCode }) => statusCode);
  t.same(statuses.sort(), [200, 404]);
});
