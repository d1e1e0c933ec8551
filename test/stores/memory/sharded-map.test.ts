import t from 'tap';
import { ShardedMap } from '../../../src/stores/memory/sharded-map.ts';

t.test('it does what a Map does', async (t) => {
  const map = new ShardedMap<number>();
  const keys = ['', 'a', 'user1', 'user2', '__proto__', 'constructor', '\0', '😀', 'x'.repeat(1000)];
  keys.forEach((key, i) => void map.set(key, i));
  map.set('a', 42);
  t.equal(map.size, keys.length);
  t.equal(map.get('a'), 42);
  t.equal(map.get('__proto__'), 4);
  t.equal(map.get('toString'), undefined);
  t.equal(map.has('toString'), false);
  t.equal(map.has('\0'), true);
  t.equal(map.delete('a'), true);
  t.equal(map.delete('a'), false);
  t.equal(map.get('a'), undefined);
  t.equal(map.size, keys.length - 1);
  map.clear();
  t.equal(map.size, 0);
  t.equal(map.has('user1'), false);
});

t.test('many keys stay apart', async (t) => {
  const map = new ShardedMap<number>();
  for (let i = 0; i < 10_000; i++) {
    map.set(`user${i}`, i);
  }
  for (let i = 0; i < 10_000; i++) {
    if (map.get(`user${i}`) !== i) {
      t.fail(`user${i}`);
    }
  }
  t.equal(map.size, 10_000);
});
