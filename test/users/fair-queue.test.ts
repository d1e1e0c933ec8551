import t from 'tap';
import { SignInBusy } from '../../src/errors.ts';
import { FairQueue, type Place } from '../../src/users/fair-queue.ts';

/** A queue whose jobs run until `finish` ends the oldest running one. `started` has their names in order. */
function setUp({ concurrency = 1, maxWaiting = 100 } = {}) {
  const queue = new FairQueue(concurrency, maxWaiting);
  const started: string[] = [];
  const rejected: string[] = [];
  const running: (() => void)[] = [];
  const push = (name: string, place: Place) => {
    const job = queue.run(
      () =>
        new Promise<void>((resolve) => {
          started.push(name);
          running.push(resolve);
        }),
      place,
    );
    job.catch((error) => rejected.push(error instanceof SignInBusy ? name : String(error)));
  };
  const finish = async () => {
    running.shift()?.();
    await new Promise(setImmediate);
  };
  const finishAll = async () => {
    while (running.length > 0) {
      await finish();
    }
  };
  return { queue, started, rejected, push, finish, finishAll };
}

const of = (...keys: string[]): Place => ({ shares: keys.map((key) => ({ key, perTurn: 1 })) });
const known = (key: string): Place => ({ ...of(key), first: true });

t.test('jobs run in the order of arrival, as many at a time as allowed', async (t) => {
  const { push, started, finish, finishAll } = setUp({ concurrency: 2 });
  for (const name of ['a', 'b', 'c', 'd']) {
    push(name, {});
  }
  t.same(started, ['a', 'b']);
  await finish();
  t.same(started, ['a', 'b', 'c']);
  await finishAll();
  t.same(started, ['a', 'b', 'c', 'd']);
});

t.test('the result of a job is returned, and an error of a job does not stop the queue', async (t) => {
  const { queue } = setUp();
  t.equal(await queue.run(async () => 1), 1);
  await t.rejects(
    queue.run(async () => {
      throw new Error('one');
    }),
    { message: 'one' },
  );
  await t.rejects(
    queue.run(() => {
      throw new Error('two');
    }),
    { message: 'two' },
  );
  t.equal(await queue.run(async () => 2), 2);
});

t.test('keys take turns, however many jobs of one of them wait', async (t) => {
  const { push, started, finishAll } = setUp();
  for (let i = 0; i < 5; i++) {
    push(`a${i}`, of('a'));
  }
  push('b0', of('b'));
  push('b1', of('b'));
  push('c0', of('c'));
  await finishAll();
  t.same(started, ['a0', 'b0', 'c0', 'a1', 'b1', 'a2', 'a3', 'a4']);
});

t.test('a job counts for each of its keys', async (t) => {
  const { push, started, finishAll } = setUp();
  push('running', {});
  for (let i = 0; i < 4; i++) {
    push(`one user from network ${i}`, of('user', `network ${i}`));
    push(`user ${i} from one network`, of(`user ${i}`, 'network'));
  }
  push('stranger', of('another user', 'another network'));
  await finishAll();
  t.equal(started.indexOf('stranger'), 3);
});

t.test('a key may have several jobs in one turn', async (t) => {
  const { push, started, finishAll } = setUp();
  const wide: Place = { shares: [{ key: 'wide', perTurn: 4 }] };
  push('running', {});
  for (let i = 0; i < 8; i++) {
    push(`w${i}`, wide);
  }
  push('a', of('a'));
  await finishAll();
  t.same(started, ['running', 'w0', 'a', 'w1', 'w2', 'w3', 'w4', 'w5', 'w6', 'w7']);
});

t.test('a job with priority is the next, but a continuous stream of them does not stop the others', async (t) => {
  const { push, started, finish } = setUp();
  for (let i = 0; i < 10; i++) {
    push(`a${i}`, of('a'));
    push(`b${i}`, of('b'));
  }
  push('known0', known('known0'));
  await finish();
  t.same(started, ['a0', 'known0']);
  for (let i = 1; i <= 12; i++) {
    push(`known${i}`, known(`known${i}`));
    await finish();
  }
  t.ok(started.filter((name) => !name.startsWith('known')).length >= 4, started.join(' '));
});

t.test('the jobs of one known browser have no priority over each other', async (t) => {
  const { push, started, finishAll } = setUp();
  push('running', {});
  for (let i = 0; i < 5; i++) {
    push(`k${i}`, known('k'));
  }
  push('a', of('a'));
  push('l', known('l'));
  await finishAll();
  t.same(started, ['running', 'k0', 'l', 'a', 'k1', 'k2', 'k3', 'k4']);
});

t.test('if the queue is full, the last job of the key with the most jobs is rejected', async (t) => {
  const { push, started, rejected, finishAll } = setUp({ maxWaiting: 4 });
  for (let i = 0; i < 6; i++) {
    push(`a${i}`, of('a'));
  }
  await new Promise(setImmediate);
  t.same(rejected, ['a5']);
  push('b0', of('b'));
  push('c0', of('c'));
  push('b1', of('b'));
  await new Promise(setImmediate);
  t.same(rejected, ['a5', 'a4', 'a3', 'a2']);
  await finishAll();
  t.same(started, ['a0', 'b0', 'c0', 'a1', 'b1']);
});

t.test('if all wait for the same turn, the newest one is rejected', async (t) => {
  const { push, rejected } = setUp({ maxWaiting: 2 });
  for (const name of ['running', 'a', 'b', 'c']) {
    push(name, of(name));
  }
  await new Promise(setImmediate);
  t.same(rejected, ['c']);
  push('d', known('d'));
  await new Promise(setImmediate);
  t.same(rejected, ['c', 'b']);
});
