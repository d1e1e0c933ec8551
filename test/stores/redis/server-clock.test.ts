import t from 'tap';
import { ServerClock } from '../../../src/stores/redis/server-clock.ts';
import { RedisSessionStore } from '../../../src/stores/redis/session-store.ts';
import { startRedis } from '../../helpers/redis-server.ts';
import { fakeClock } from '../../helpers/service.ts';
import { connect, listeningLog } from './connect.ts';

/** A sample of a server whose clock differs from `Date.now` by `difference`. */
function sample(difference: number, roundTrip: number, sentAt = performance.now()) {
  const serverTime = performance.timeOrigin + sentAt + roundTrip / 2 + difference;
  return { serverTime, sentAt, receivedAt: sentAt + roundTrip };
}

const isNear = (a: number, b: number) => Math.abs(a - b) < 100;

t.test('before the first sample it is the local clock', async (t) => {
  const local = fakeClock();
  t.equal(new ServerClock(listeningLog().log, local).now(), local());
});

t.test('it is the time of the server, in whole milliseconds', async (t) => {
  const clock = new ServerClock(listeningLog().log);
  clock.add(sample(60_000, 2));
  t.ok(isNear(clock.now(), Date.now() + 60_000));
  t.ok(Number.isInteger(clock.now()));
});

t.test('the sample with the shortest round trip counts, unless it is old', async (t) => {
  const clock = new ServerClock(listeningLog().log);
  clock.add(sample(60_000, 2));
  clock.add(sample(70_000, 400));
  t.ok(isNear(clock.now(), Date.now() + 60_000), 'the second is less exact');
  clock.add(sample(80_000, 1));
  t.ok(isNear(clock.now(), Date.now() + 80_000), 'the third is more exact');
  clock.add(sample(90_000, 400, performance.now() + 31_000));
  t.ok(isNear(clock.now(), Date.now() + 90_000), 'the third is older than 30 seconds');
});

t.test('after a reconnection the next sample counts', async (t) => {
  const clock = new ServerClock(listeningLog().log);
  clock.expire();
  clock.add(sample(60_000, 2));
  clock.expire();
  t.ok(isNear(clock.now(), Date.now() + 60_000));
  clock.add(sample(70_000, 400));
  t.ok(isNear(clock.now(), Date.now() + 70_000));
});

t.test('a local clock that is far off is logged once, with the direction', async (t) => {
  for (const [difference, localClockIs] of [
    [15_000, 'behind'],
    [-15_000, 'ahead'],
  ] as const) {
    const { log, lines } = listeningLog();
    const clock = new ServerClock(log);
    clock.add(sample(1000, 4));
    t.same(lines, [], 'a small difference is normal');
    clock.add(sample(difference, 3));
    clock.add(sample(difference, 2));
    t.match(lines, [{ level: 'warn', details: { seconds: 15, localClockIs }, message: /synchronize both/ }]);
    t.equal(lines.length, 1);
  }
});

t.test('a connection takes its time from the server', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const { log, warnings } = listeningLog();
  const connection = await connect(redis, { log, localClock: () => Date.now() + 130_000 });
  const store = new RedisSessionStore(connection);
  t.teardown(() => store.close());
  t.ok(isNear(store.now(), Date.now()));
  t.match(warnings(), [/^the clock of this machine differs/]);
});
