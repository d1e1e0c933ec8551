import { mock } from 'node:test';
import type { RateLimiterRes } from 'rate-limiter-flexible';
import t, { type Test } from 'tap';
import type { UserRecord } from '../../src/stores/user-store.ts';
import { newUser } from '../../src/stores/user-store.ts';
import type { Attempt, Throttle } from '../../src/users/throttle.ts';
import { newThrottle } from '../users.ts';

const ANN = newUser('ann', 'hash');

function attempt(over: Partial<Attempt> = {}): Attempt {
  return { username: 'ann', user: ANN, address: '192.0.2.1', deviceId: undefined, ...over };
}

async function fail(throttle: Throttle, times: number, over: (i: number) => Partial<Attempt> = () => ({})) {
  for (let i = 0; i < times; i++) {
    await throttle.assertOpen(attempt(over(i)));
    await throttle.charge(attempt(over(i)));
  }
}

const blocked = (t: Test, throttle: Throttle, over: Partial<Attempt> = {}) =>
  t.rejects(throttle.assertOpen(attempt(over)), { code: 'TOO_MANY_FAILURES', statusCode: 429 });
const open = (t: Test, throttle: Throttle, over: Partial<Attempt> = {}) =>
  t.resolves(throttle.assertOpen(attempt(over)));

t.test('a user name has ten failures, wherever they come from, and whether it exists or not', async (t) => {
  for (const user of [ANN, undefined]) {
    const throttle = newThrottle();
    await fail(throttle, 10, (i) => ({ user, address: `192.0.2.${i}` }));
    await blocked(t, throttle, { user, address: '192.0.2.99' });
    await open(t, throttle, { username: 'bob', address: '192.0.2.99' });
  }
});

t.test('an address has twenty failures, whoever they are about', async (t) => {
  const throttle = newThrottle();
  await fail(throttle, 20, (i) => ({ username: `user${i}` }));
  await blocked(t, throttle, { username: 'bob' });
  await open(t, throttle, { username: 'bob', address: '192.0.2.2' });
});

t.test('an IPv6 client is its /64, and an IPv4 client the same however it is written', async (t) => {
  const throttle = newThrottle({ failuresPerAddress: 3 });
  await fail(throttle, 3, (i) => ({ address: `2001:db8:0:1::${i}` }));
  await blocked(t, throttle, { address: '2001:db8:0:1:ffff::1' });
  await open(t, throttle, { address: '2001:db8:0:2::1' });
  await fail(throttle, 3, () => ({ username: 'bob', address: '192.0.2.1' }));
  await blocked(t, throttle, { username: 'carol', address: '::ffff:192.0.2.1' });
});

t.test('of any number of attempts at once, no more than the limit are looked at', async (t) => {
  const throttle = newThrottle();
  const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => throttle.charge(attempt())));
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 10);
});

t.test('a failure that reaches a limit says which', async (t) => {
  const throttle = newThrottle({ failuresPerUser: 2, failuresPerAddress: 3 });
  t.same(await throttle.charge(attempt()), []);
  t.same(await throttle.charge(attempt()), ['user', 'pair']);
  t.same(await throttle.charge(attempt({ username: 'bob' })), ['address']);
  const told = (await throttle.assertOpen(attempt()).catch((error) => error)) as {
    limits: string[];
    username: string;
  };
  t.same(told.limits, ['address', 'user', 'pair']);
  t.equal(told.username, 'ann', 'and whose password it is about, for the log');
  t.match(await throttle.assertOpen(attempt({ user: undefined })).catch((error) => error), {
    username: undefined,
  });
});

t.test('a success takes back the failures of its user from its place, and no others', async (t) => {
  const throttle = newThrottle({ failuresPerUser: 5, failuresPerAddress: 8 });
  await fail(throttle, 2, () => ({ address: '192.0.2.66' }));
  await fail(throttle, 4, () => ({ username: 'bob' }));
  await fail(throttle, 2);
  await throttle.charge(attempt());
  await throttle.forgive(attempt());
  await fail(throttle, 3);
  await blocked(t, throttle, { address: '192.0.2.99' });
  await fail(throttle, 1, () => ({ username: 'carol' }));
  await blocked(t, throttle, { username: 'dave' });
});

t.test('who has an account cannot buy guesses at others with it', async (t) => {
  const throttle = newThrottle();
  let guesses = 0;
  for (let i = 0; i < 50; i++) {
    const own = { username: 'mallory' };
    await Promise.allSettled([1, 2, 3].map(() => throttle.charge(attempt(own))));
    await Promise.allSettled([1, 2, 3].map(() => throttle.forgive(attempt(own))));
    await throttle.charge(attempt({ username: `victim${i}` })).then(
      () => guesses++,
      () => {},
    );
  }
  t.equal(guesses, 20);
});

t.test('a browser that has signed in before has a budget of its own', async (t) => {
  const throttle = newThrottle();
  await fail(throttle, 10);
  await blocked(t, throttle);
  const own = { deviceId: 'browser' };
  await fail(throttle, 9, () => own);
  t.same(await throttle.charge(attempt(own)), ['device']);
  await blocked(t, throttle, own);
  await open(t, throttle, { deviceId: 'another browser' });
  await throttle.forgive(attempt({ deviceId: 'another browser' }));
  await blocked(t, throttle, own);
  await throttle.forgive(attempt(own));
  await open(t, throttle, own);
  await blocked(t, throttle);
});

t.test('the window closes on its time, and says when', async (t) => {
  mock.timers.enable({ apis: ['Date', 'setTimeout'], now: Date.UTC(2030, 0, 1) });
  t.teardown(() => mock.timers.reset());
  const throttle = newThrottle();
  await fail(throttle, 5);
  mock.timers.tick(600_000);
  await fail(throttle, 5);
  for (const refused of [throttle.assertOpen(attempt()), throttle.charge(attempt())]) {
    t.match(await refused.catch((error) => error), { headers: { 'retry-after': '300' } });
  }
  mock.timers.tick(299_000);
  await blocked(t, throttle);
  mock.timers.tick(1000);
  await open(t, throttle);
});

t.test('a name of any characters has a count of its own', async (t) => {
  const throttle = newThrottle({ failuresPerUser: 1, failuresPerAddress: 1000 });
  const names = ['', ' ', 'a b', 'a', 'A', '__proto__', '\ud800', '\udfff', 'x'.repeat(256)];
  for (const username of names) {
    await fail(throttle, 1, () => ({ username, user: undefined as UserRecord | undefined }));
  }
  for (const username of names) {
    await blocked(t, throttle, { username });
  }
});

t.test('whoever is right is not throttled, however many of them at once', async (t) => {
  const throttle = newThrottle();
  for (let round = 0; round < 30; round++) {
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        await throttle.assertOpen(attempt());
        await throttle.charge(attempt());
        await throttle.forgive(attempt());
      }),
    );
  }
  await fail(throttle, 10);
  await blocked(t, throttle);
});

t.test('failures whose window has just closed count no more, though they are still there', async (t) => {
  const stale = { consumedPoints: 99, msBeforeNext: -1 } as RateLimiterRes;
  const throttle = newThrottle({
    openLimiter: () => ({
      get: async () => stale,
      penalty: async () => stale,
      reward: async () => stale,
      take: async () => 0,
    }),
  });
  await open(t, throttle);
});
