import t from 'tap';
import { storeKey } from '../../src/stores/store-key.ts';

t.test('a plain text is its own key', async (t) => {
  for (const text of ['user1', 'fB3tN5xk0qWm2VhC9sYzLg', 'x'.repeat(64), '__proto__', '-']) {
    t.equal(storeKey(text), text);
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
  const keys = texts.map(storeKey);
  for (const key of keys) {
    t.match(key, /^#[\w-]{43}$/);
  }
  t.equal(new Set(keys).size, texts.length);
  t.equal(storeKey(storeKey('a b')), storeKey(storeKey('a b')));
  t.not(storeKey(storeKey('a b')), storeKey('a b'), 'nor is a key the text of another');
});
