import { mock } from 'node:test';
import t, { type Test } from 'tap';
import type { TooManyFailures } from '../../src/errors.ts';
import { canonicalAddress } from '../../src/http/client-address.ts';
import { networkOf, wideNetworkOf } from '../../src/network.ts';
import { MemoryFailureCounter } from '../../src/stores/memory/failure-counter.ts';
import type { Attempt, Throttle } from '../../src/users/throttle.ts';
import type { UserRecord } from '../../src/users/user-store.ts';
import { newUser } from '../../src/users/user-store.ts';
import { newThrottle } from '../helpers/users.ts';

const ANN = newUser('ann', '$hash');

function attempt(over: Partial<Attempt> = {}): Attempt {
  return { nameKey: 'ann', user: ANN, address: '192.0.2.1', deviceId: undefined, ...over };
}

async function fail(throttle: Throttle, times: number, over: (i: number) => Partial<Attempt> = () => ({})) {
  for (let i = 0; i < times; i++) {
    await throttle.assertNotLimited(attempt(over(i)));
    await throttle.consume(attempt(over(i)));
  }
}

async function succeed(throttle: Throttle, over: Partial<Attempt> = {}) {
  await (await throttle.consume(attempt(over))).refund();
}

const blocked = (t: Test, throttle: Throttle, over: Partial<Attempt> = {}) =>
  t.rejects(throttle.assertNotLimited(attempt(over)), { code: 'TOO_MANY_FAILURES', statusCode: 429 });
const open = (t: Test, throttle: Throttle, over: Partial<Attempt> = {}) =>
  t.resolves(throttle.assertNotLimited(attempt(over)));

t.test('a user name is limited to ten failures from all addresses, whether it exists or not', async (t) => {
  for (const user of [ANN, undefined]) {
    const throttle = newThrottle();
    await fail(throttle, 10, (i) => ({ user, address: `192.0.2.${i}` }));
    await blocked(t, throttle, { user, address: '192.0.2.99' });
    await open(t, throttle, { nameKey: 'bob', address: '192.0.2.99' });
  }
});

t.test('an address is limited to twenty failures for all users', async (t) => {
  const throttle = newThrottle();
  await fail(throttle, 20, (i) => ({ nameKey: `user${i}` }));
  await blocked(t, throttle, { nameKey: 'bob' });
  await open(t, throttle, { nameKey: 'bob', address: '192.0.2.2' });
});

t.test('an IPv6 client counts by its /64, and an IPv4-mapped address counts as IPv4', async (t) => {
  const throttle = newThrottle({ failuresPerAddress: 3 });
  await fail(throttle, 3, (i) => ({ address: `2001:db8:0:1::${i}` }));
  await blocked(t, throttle, { address: '2001:db8:0:1:ffff::1' });
  await open(t, throttle, { address: '2001:db8:0:2::1' });
  await fail(throttle, 3, () => ({ nameKey: 'bob', address: '192.0.2.1' }));
  await blocked(t, throttle, { nameKey: 'carol', address: canonicalAddress('::ffff:192.0.2.1') });
});

t.test('concurrent attempts cannot exceed a limit', async (t) => {
  const throttle = newThrottle();
  const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => throttle.consume(attempt())));
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 10);
});

t.test('consume returns the names of the limits that it hits', async (t) => {
  const throttle = newThrottle({ failuresPerUser: 2, failuresPerAddress: 3 });
  const limitsHit = async (over: Partial<Attempt> = {}) => (await throttle.consume(attempt(over))).limitsHit;
  t.same(await limitsHit(), []);
  t.same(await limitsHit(), ['user', 'pair']);
  t.same(await limitsHit({ nameKey: 'bob' }), ['address']);
  const told = (await throttle.assertNotLimited(attempt()).catch((error) => error)) as {
    limits: string[];
    username: string;
  };
  t.same(told.limits, ['address', 'user', 'pair']);
  t.equal(told.username, 'ann', 'the user, for the log');
  t.match(await throttle.assertNotLimited(attempt({ user: undefined })).catch((error) => error), {
    username: undefined,
  });
});

t.test('a success refunds the failures of the same user and address only', async (t) => {
  const throttle = newThrottle({ failuresPerUser: 5, failuresPerAddress: 8 });
  await fail(throttle, 2, () => ({ address: '192.0.2.66' }));
  await fail(throttle, 4, () => ({ nameKey: 'bob' }));
  await fail(throttle, 2);
  await succeed(throttle);
  await fail(throttle, 3);
  await blocked(t, throttle, { address: '192.0.2.99' });
  await fail(throttle, 1, () => ({ nameKey: 'carol' }));
  await blocked(t, throttle, { nameKey: 'dave' });
});

t.test('an attacker with an account gets no more guesses at others', async (t) => {
  const throttle = newThrottle();
  let guesses = 0;
  for (let i = 0; i < 50; i++) {
    const own = { nameKey: 'mallory' };
    const counted = await Promise.allSettled([1, 2, 3].map(() => throttle.consume(attempt(own))));
    await Promise.all(counted.map((one) => one.status === 'fulfilled' && one.value.refund()));
    await throttle.consume(attempt({ nameKey: `victim${i}` })).then(
      () => guesses++,
      () => {},
    );
  }
  t.equal(guesses, 20);
});

t.test('failures late in one window and a success in the next one give no guess at another user', async (t) => {
  mock.timers.enable({ apis: ['Date'], now: Date.UTC(2030, 0, 1) });
  t.teardown(() => mock.timers.reset());
  const own = { nameKey: 'mallory' };
  const throttle = newThrottle();
  // Starts the window of the address, ten minutes before that of mallory.
  await fail(throttle, 1, () => ({ nameKey: 'victim' }));
  mock.timers.tick(600_000);
  await fail(throttle, 9, () => own);
  mock.timers.tick(300_000);
  await fail(throttle, 10, (i) => ({ nameKey: `victim${i}` }));
  await succeed(throttle, own);
  await fail(throttle, 10, (i) => ({ nameKey: `other${i}` }));
  await blocked(t, throttle, { nameKey: 'one more' });
});

t.test('an attempt that is refused adds no key, and takes none from others', async (t) => {
  const keys = new Map<string, MemoryFailureCounter>();
  const throttle = newThrottle({
    openCounter(name, windowSeconds) {
      const counter = new MemoryFailureCounter(windowSeconds);
      keys.set(name, counter);
      return counter;
    },
  });
  const sizes = () => Object.fromEntries([...keys].map(([name, counter]) => [name, counter.size]));
  await fail(throttle, 20, (i) => ({ nameKey: `user${i}` }));
  const refusedBy = limitsOfRefusal(throttle);
  const full = { address: 1, user: 20, pair: 20, share: 20, device: 0 };
  t.same(sizes(), full);
  // As concurrent attempts do, these pass `assertNotLimited` first.
  for (let i = 0; i < 100; i++) {
    t.same(await refusedBy({ nameKey: `invented${i}` }), ['address']);
  }
  t.same(sizes(), full);
  await fail(throttle, 9, (i) => ({ nameKey: 'user0', address: `192.0.2.${i + 2}` }));
  t.same(await refusedBy({ nameKey: 'user0', address: '192.0.2.99' }), ['user']);
  t.same(
    sizes(),
    { address: 10, user: 20, pair: 29, share: 29, device: 0 },
    'nor does one that exceeds the limit of the user',
  );
});

t.test('an attempt that exceeds the limit of the pair leaves no other count', async (t) => {
  const keys = new Map<string, MemoryFailureCounter>();
  const throttle = newThrottle({
    openCounter(name, windowSeconds) {
      const counter = new MemoryFailureCounter(windowSeconds);
      keys.set(name, counter);
      if (name === 'pair') {
        const increment = counter.increment.bind(counter);
        counter.increment = (key) => ({ ...increment(key), failures: 11 });
      }
      return counter;
    },
  });
  t.same(await limitsOfRefusal(throttle)({}), ['pair']);
  t.same(
    [...keys].map(([name, { size }]) => [name, size]),
    ['share', 'address', 'user', 'pair', 'device'].map((name) => [name, 0]),
  );
});

t.test('a known browser has a limit of its own', async (t) => {
  const throttle = newThrottle();
  await fail(throttle, 10);
  await blocked(t, throttle);
  const own = { deviceId: 'browser' };
  await fail(throttle, 9, () => own);
  const last = await throttle.consume(attempt(own));
  t.same(last.limitsHit, ['device']);
  await blocked(t, throttle, own);
  await open(t, throttle, { deviceId: 'another browser' });
  await succeed(throttle, { deviceId: 'another browser' });
  await blocked(t, throttle, own);
  await last.refund();
  await open(t, throttle, own);
  await blocked(t, throttle);
});

t.test('an unlock starts new counts for the user and for known browsers', async (t) => {
  const throttle = newThrottle();
  const device = { deviceId: 'browser' };
  await fail(throttle, 10);
  await fail(throttle, 10, () => device);
  await blocked(t, throttle);
  await blocked(t, throttle, device);
  const user = { ...ANN, unlockedAt: Date.now() };
  await open(t, throttle, { user });
  await open(t, throttle, { user, ...device });
  await fail(throttle, 10, () => ({ user, address: '192.0.2.2' }));
  await blocked(t, throttle, { user, address: '192.0.2.3' });
});

const limitsOfRefusal = (throttle: Throttle) => (over: Partial<Attempt>) =>
  throttle.consume(attempt(over)).catch((error) => (error as TooManyFailures).limits);

t.test('for one window after an unlock, failures of the user do not use up the limit of an address', async (t) => {
  mock.timers.enable({ apis: ['Date'], now: Date.UTC(2030, 0, 1) });
  t.teardown(() => mock.timers.reset());
  const throttle = newThrottle({ failuresPerAddress: 5, windowSeconds: 60 });
  const limitsOf = limitsOfRefusal(throttle);
  mock.timers.tick(30_000);
  await fail(throttle, 4);
  await fail(throttle, 1, () => ({ nameKey: 'bob' }));
  await blocked(t, throttle);
  const user = { ...ANN, unlockedAt: Date.now() - 30_001 };
  await open(t, throttle, { user });
  await fail(throttle, 9, () => ({ user }));
  t.same((await throttle.consume(attempt({ user }))).limitsHit, ['user', 'pair'], 'the tenth failure of the user');
  t.same(await limitsOf({ user }), ['user']);
  await blocked(t, throttle, { nameKey: 'bob' });
  await blocked(t, throttle, { user: { ...ANN, unlockedAt: Date.now() - 60_000 } });
  t.same(await limitsOf({ user: { ...ANN, unlockedAt: Date.now() - 60_000 } }), ['address']);
  await fail(throttle, 4, (i) => ({ nameKey: `user${i}`, address: '192.0.2.2' }));
  await fail(throttle, 1, () => ({ nameKey: 'bob', address: '192.0.2.2' }));
  const unlocked = { nameKey: 'carol', user: { username: 'carol', unlockedAt: Date.now() }, address: '192.0.2.2' };
  await blocked(t, throttle, unlocked);
  t.same(await limitsOf(unlocked), ['address'], 'others have used up the address');
});

t.test('the window ends on time, and Retry-After says when', async (t) => {
  mock.timers.enable({ apis: ['Date', 'setTimeout'], now: Date.UTC(2030, 0, 1) });
  t.teardown(() => mock.timers.reset());
  const throttle = newThrottle();
  await fail(throttle, 5);
  mock.timers.tick(600_000);
  await fail(throttle, 5);
  for (const refused of [throttle.assertNotLimited(attempt()), throttle.consume(attempt())]) {
    t.match(await refused.catch((error) => error), { headers: { 'retry-after': '300' } });
  }
  mock.timers.tick(299_000);
  await blocked(t, throttle);
  mock.timers.tick(1000);
  await open(t, throttle);
});

t.test('names with unusual characters are counted separately', async (t) => {
  const throttle = newThrottle({ failuresPerUser: 1, failuresPerAddress: 1000 });
  const names = ['', ' ', 'a b', 'a', 'A', '__proto__', '\ud800', '\udfff', 'x'.repeat(256)];
  for (const nameKey of names) {
    await fail(throttle, 1, () => ({ nameKey, user: undefined as UserRecord | undefined }));
  }
  for (const nameKey of names) {
    await blocked(t, throttle, { nameKey });
  }
});

t.test('successful attempts are never limited, however many run concurrently', async (t) => {
  const throttle = newThrottle();
  for (let round = 0; round < 30; round++) {
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        await throttle.assertNotLimited(attempt());
        await succeed(throttle);
      }),
    );
  }
  await fail(throttle, 10);
  await blocked(t, throttle);
});

t.test('a count whose window has just ended is ignored', async (t) => {
  const stale = { failures: 99, windowId: 'ended', endsInMs: -1 };
  const throttle = newThrottle({
    openCounter: () => ({ get: () => stale, increment: () => stale, decrement() {}, take: () => 0 }),
  });
  await open(t, throttle);
});

t.test('a client is an IPv4 address or the /64 of an IPv6 address', async (t) => {
  t.equal(networkOf('192.0.2.1'), '192.0.2.1');
  t.equal(networkOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64');
  t.equal(networkOf('2001:db8:1:2:ffff:ffff:ffff:ffff'), '2001:db8:1:2::/64');
  t.equal(networkOf('::1'), '::/64');
  t.equal(networkOf('fe80::1%eth0'), 'fe80::/64');
  t.equal(networkOf('unknown'), 'unknown');
});

t.test('a wider network is the /24 of an IPv4 address or the /48 of an IPv6 address', async (t) => {
  t.equal(wideNetworkOf('192.0.2.1'), '192.0.2.0/24');
  t.equal(wideNetworkOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1::/48');
  t.equal(wideNetworkOf('fe80::1%eth0'), 'fe80::/48');
  t.equal(wideNetworkOf('unknown'), 'unknown');
});
