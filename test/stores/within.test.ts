import t from 'tap';
import { within } from '../../src/stores/within.ts';

const later = <T>(ms: number, value: T) => new Promise<T>((resolve) => setTimeout(() => resolve(value), ms));

t.test('an answer in time is the answer, a failure the failure', async (t) => {
  t.equal(await within(1000, later(1, 'answer'), 'it'), 'answer');
  await t.rejects(within(1000, Promise.reject(new Error('down')), 'it'), { message: 'down' });
});

t.test('none in time is a failure that says who gave none', async (t) => {
  await t.rejects(within(5, new Promise(() => {}), 'the store'), {
    message: 'the store gave no answer within 5 ms',
  });
});

t.test('an answer that came while this process was held up still counts', async (t) => {
  const child = later(1, 'answer');
  const answer = within(20, new Promise((resolve) => setImmediate(() => child.then(resolve))), 'it');
  const until = performance.now() + 60;
  while (performance.now() < until);
  t.equal(await answer, 'answer');
});
