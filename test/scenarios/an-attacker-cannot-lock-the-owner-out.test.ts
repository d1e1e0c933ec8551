import type { FastifyInstance } from 'fastify';
import t, { type Test } from 'tap';
import { type BuildOptions, build, cookieOf, USER1, welcome } from '../helpers/service.ts';

// An attacker gets a few guesses, from one address or from many. Failed attempts do not lock out the owner: a browser
// that signed in before has a limit of its own.

const PROXY = { TRUST_PROXY: 'loopback' };

interface Guess {
  readonly username?: string;
  readonly password?: string;
  readonly from?: string;
  readonly cookie?: string;
}

async function signInAs(app: FastifyInstance, { username = 'user1', password = 'wrong', from, cookie }: Guess) {
  return app.inject({
    method: 'POST',
    url: '/signin',
    payload: { username, password },
    headers: { ...(from && { 'x-forwarded-for': from }), ...(cookie && { cookie }) },
  });
}

/** Counts the replies of each status. */
async function guess(app: FastifyInstance, times: number, make: (i: number) => Guess = () => ({})) {
  const counts: Record<number, number> = {};
  for (let i = 0; i < times; i++) {
    const { statusCode } = await signInAs(app, make(i));
    counts[statusCode] = (counts[statusCode] ?? 0) + 1;
  }
  return counts;
}

/** The service with a user who has signed in once, and the cookies of that browser. */
async function withOwner(t: Test, options: BuildOptions = {}) {
  const app = await build(t, { env: PROXY, ...options });
  const signedIn = await signInAs(app, { password: USER1.password, from: '203.0.113.1' });
  return { app, device: cookieOf(signedIn, 'device_token'), session: cookieOf(signedIn) };
}

const owner = { password: USER1.password, from: '203.0.113.1' };

t.test('from one address, ten guesses at one user are checked, and twenty at all users', async (t) => {
  const { app } = await withOwner(t);
  t.same(await guess(app, 100, () => ({ from: '192.0.2.1' })), { 401: 10, 429: 90 });
  const others = await guess(app, 100, (i) => ({ from: '192.0.2.1', username: `user${i + 2}` }));
  t.same(others, { 401: 10, 429: 90 });
});

t.test('from two hundred addresses, ten guesses at one user are looked at (ASVS 6.3.1)', async (t) => {
  const { app } = await withOwner(t);
  t.same(await guess(app, 1000, (i) => ({ from: `192.0.2.${i % 200}` })), { 401: 10, 429: 990 });
});

t.test('of a hundred concurrent guesses, ten are checked', async (t) => {
  const { app } = await withOwner(t);
  const replies = await Promise.all(Array.from({ length: 100 }, () => signInAs(app, { from: '192.0.2.1' })));
  t.equal(replies.filter(({ statusCode }) => statusCode === 401).length, 10);
});

t.test('once the guesses are used up, the right password is 429 as well', async (t) => {
  const { app } = await withOwner(t);
  await guess(app, 10, () => ({ from: '192.0.2.1' }));
  const found = await signInAs(app, { password: USER1.password, from: '192.0.2.1' });
  t.match(found.json(), { statusCode: 429, code: 'TOO_MANY_FAILURES' });
  t.match(Number(found.headers['retry-after']), 900);
  t.equal(found.headers['set-cookie'], undefined);
});

t.test(
  'the browser of the owner still signs in, from any address, and the attacker gets no more guesses',
  async (t) => {
    const { app, device, session } = await withOwner(t);
    t.same(
      await guess(app, 50, () => ({ from: owner.from })),
      { 401: 10, 429: 40 },
      'even from the address of the owner',
    );
    t.equal(await welcome(app, session), 200, 'an existing session stays valid');
    t.equal((await signInAs(app, owner)).statusCode, 429, 'an unknown browser has to wait');
    for (const from of [owner.from, '198.51.100.7', '2001:db8::7']) {
      const signedIn = await signInAs(app, { ...owner, from, cookie: device });
      t.equal(signedIn.statusCode, 200, from);
    }
    t.same(await guess(app, 50, (i) => ({ from: `192.0.2.${i}` })), { 429: 50 });
  },
);

t.test('on a known browser, ten wrong passwords are checked', async (t) => {
  const { app, device } = await withOwner(t);
  await guess(app, 10, (i) => ({ from: `192.0.2.${i}` }));
  t.same(await guess(app, 9, () => ({ cookie: device })), { 401: 9 });
  t.equal((await signInAs(app, { ...owner, cookie: device })).statusCode, 200);
  t.same(await guess(app, 12, () => ({ cookie: device })), { 401: 10, 429: 2 }, 'a success resets the count');
  t.equal((await signInAs(app, { ...owner, cookie: device })).statusCode, 429, 'a stolen cookie gives no more guesses');
});

t.test('the device cookie of another user, or a forged one, gives no more guesses', async (t) => {
  const { app, device } = await withOwner(t);
  const own = cookieOf(
    await signInAs(app, { username: 'user2', password: 'password2', from: '192.0.2.1' }),
    'device_token',
  );
  const forged = device.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
  const cookies = [own, forged, 'device_token=', `device_token=${'A'.repeat(22)}.1.${'B'.repeat(43)}`];
  const counts = await guess(app, 100, (i) => ({
    from: `192.0.2.${i % 50}`,
    cookie: cookies[i % cookies.length] as string,
  }));
  t.same(counts, { 401: 10, 429: 90 });
});

t.test('a blocked attempt does not reveal whether the name exists', async (t) => {
  const { app } = await withOwner(t);
  const replies = new Set<string>();
  for (const username of ['user1', 'nobody', '__proto__']) {
    await guess(app, 10, (i) => ({ username, from: `192.0.2.${i}` }));
    const { statusCode, headers, body } = await signInAs(app, { username, from: '198.51.100.9' });
    const { date: _, 'x-request-id': __, 'retry-after': wait, ...rest } = headers;
    t.ok(Number(wait) >= 895 && Number(wait) <= 900);
    replies.add(JSON.stringify([statusCode, rest, body]));
  }
  t.equal(replies.size, 1);
});

t.test('a forged X-Forwarded-For from a peer that is not trusted changes nothing', async (t) => {
  for (const env of [{}, { TRUST_PROXY: '10.0.0.0/8' }]) {
    const { app } = await withOwner(t, { env });
    const counts = await guess(app, 60, (i) => ({ username: `user${i + 2}`, from: `192.0.2.${i}` }));
    t.same(counts, { 401: 20, 429: 40 });
  }
});

t.test('behind a trusted proxy, addresses that the client adds to X-Forwarded-For change nothing', async (t) => {
  const { app } = await withOwner(t);
  const counts = await guess(app, 60, (i) => ({
    username: `user${i + 2}`,
    from: `198.51.100.${i}, 192.0.2.1`,
  }));
  t.same(counts, { 401: 20, 429: 40 });
});

t.test('the limits are settings', async (t) => {
  const { app } = await withOwner(t, {
    env: { ...PROXY, SIGNIN_FAILURES_PER_ADDRESS: '4', SIGNIN_FAILURES_PER_USER: '2' },
  });
  t.same(await guess(app, 9, () => ({ from: '192.0.2.1' })), { 401: 2, 429: 7 });
  t.same(await guess(app, 9, (i) => ({ from: '192.0.2.1', username: `user${i + 2}` })), { 401: 2, 429: 7 });
});
