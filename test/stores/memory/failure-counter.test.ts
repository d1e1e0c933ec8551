import t from 'tap';
import { testFailureCounter } from '../../../src/exports/testing.ts';
import { MemoryFailureCounter, openMemoryFailureCounter } from '../../../src/stores/memory/failure-counter.ts';
import { fakeClock } from '../../helpers/service.ts';

t.test('conformance', (t) => testFailureCounter(t.test, openMemoryFailureCounter));

function failTimes(counter: MemoryFailureCounter, key: string, times: number): void {
  for (let i = 0; i < times; i++) {
    counter.increment(key);
  }
}

t.test('a flood of keys removes those with the fewest failures, and the memory is bounded', async (t) => {
  const counter = new MemoryFailureCounter(900, { maxKeys: 100 });
  failTimes(counter, 'attacked', 3);
  for (let i = 0; i < 1000; i++) {
    counter.increment(`invented ${i}`);
  }
  t.equal(counter.size, 100);
  t.match(counter.get('attacked'), { failures: 3 }, 'although it is the oldest');
  t.equal(counter.get('invented 0'), undefined);
  t.equal(counter.get('invented 900'), undefined);
  t.match(counter.get('invented 901'), { failures: 1 });
  t.match(counter.get('invented 999'), { failures: 1 });
});

t.test('a key whose failures were refunded is removed before one with more', async (t) => {
  const counter = new MemoryFailureCounter(900, { maxKeys: 2 });
  failTimes(counter, 'a', 3);
  counter.decrement('a', counter.get('a')?.windowId ?? '', 2);
  failTimes(counter, 'b', 2);
  counter.increment('c');
  t.equal(counter.get('a'), undefined);
  t.match(counter.get('b'), { failures: 2 });
});

t.test('a key that was taken or fully refunded leaves its place', async (t) => {
  const counter = new MemoryFailureCounter(900, { maxKeys: 3 });
  failTimes(counter, 'a', 1);
  failTimes(counter, 'b', 2);
  counter.decrement('b', counter.get('b')?.windowId ?? '', 2);
  failTimes(counter, 'c', 2);
  t.equal(counter.take('c'), 2);
  failTimes(counter, 'd', 1);
  failTimes(counter, 'e', 1);
  t.equal(counter.size, 3);
  t.match(counter.get('a'), { failures: 1 });
});

t.test('ended windows are removed step by step while failures arrive', async (t) => {
  const clock = fakeClock();
  const counter = new MemoryFailureCounter(900, { clock });
  for (let i = 0; i < 30; i++) {
    counter.increment(`old ${i}`);
  }
  clock.advance(899_999);
  t.match(counter.get('old 29'), { failures: 1, endsInMs: 1 });
  clock.advance(1);
  t.equal(counter.get('old 29'), undefined);
  t.equal(counter.take('old 29'), 0);
  t.match(counter.increment('old 29'), { failures: 1, endsInMs: 900_000 });
  t.equal(counter.size, 20);
  counter.increment('new 1');
  t.equal(counter.size, 11);
  counter.increment('new 2');
  counter.increment('new 3');
  t.equal(counter.size, 4, 'the windows that have not ended remain');
});

t.test('a long key takes no more memory than its hash', async (t) => {
  const counter = new MemoryFailureCounter(900);
  const key = (i: number) => String(i).padEnd(1_000_000, 'x');
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 60; i++) {
    counter.increment(key(i));
    counter.increment(key(i));
  }
  t.ok(process.memoryUsage().heapUsed - before < 40_000_000, 'the 60 keys have 60 million letters');
  t.match(counter.get(key(7)), { failures: 2 });
  t.equal(counter.take(key(7)), 2);
  t.equal(counter.get(key(7)), undefined);
});
