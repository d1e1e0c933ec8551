import t from 'tap';
import { encodeKey, withTimeout } from '../../src/stores/engine.ts';

t.test('a plain text is its own key', async (t) => {
  for (const text of ['user1', 'fB3tN5xk0qWm2VhC9sYzLg', 'x'.repeat(64), '__proto__', '-']) {
    t.equal(encodeKey(text), text);
  }
});

t.test('any other has a short one that no other text has', async (t) => {
  const texts = [
    '',
    ' ',
    'a b',
    'a:b',
    '#a',
    'x'.repeat(65),
    'x'.repeat(1024),
    '\ud800',
    '\udfff',
    '\ufffd',
    'é',
    'e\u0301',
  ];
  const keys = texts.map(encodeKey);
  for (const key of keys) {
    t.match(key, /^#[\w-]{43}$/);
  }
  t.equal(new Set(keys).size, texts.length);
  t.equal(encodeKey(encodeKey('a b')), encodeKey(encodeKey('a b')));
  t.not(encodeKey(encodeKey('a b')), encodeKey('a b'), 'nor is a key the text of another');
});

const later = <T>(ms: number, value: T) => new Promise<T>((resolve) => setTimeout(() => resolve(value), ms));

t.test('an answer in time is the answer, a failure the failure', async (t) => {
  t.equal(await withTimeout(1000, later(1, 'answer'), 'it'), 'answer');
  await t.rejects(withTimeout(1000, Promise.reject(new Error('down')), 'it'), { message: 'down' });
});

t.test('none in time is a failure that says who gave none', async (t) => {
  await t.rejects(withTimeout(5, new Promise(() => {}), 'the store'), {
    message: 'the store gave no answer within 5 ms',
  });
});

t.test('an answer that came while this process was held up still counts', async (t) => {
  const child = later(1, 'answer');
  const answer = withTimeout(20, new Promise((resolve) => setImmediate(() => child.then(resolve))), 'it');
  const until = performance.now() + 60;
  while (performance.now() < until);
  t.equal(await answer, 'answer');
});
