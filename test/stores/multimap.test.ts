import t from 'tap';
import { Multimap } from '../../src/stores/multimap.ts';

t.test('a key has the values it was given and not those taken back', async (t) => {
  const map = new Multimap<string, number>();
  map.add('a', 1);
  map.add('a', 2);
  map.add('b', 3);
  t.same([...map.get('a')], [1, 2]);
  t.same([...map.get('nothing')], []);
  map.delete('a', 1);
  map.delete('a', 9);
  map.delete('nothing', 1);
  t.same([...map.get('a')], [2]);
});

t.test('a key without values is gone', async (t) => {
  const map = new Multimap<string, number>();
  map.add('a', 1);
  map.add('b', 1);
  map.delete('a', 1);
  t.equal(map.size, 1);
  t.same([...map.keys()], ['b']);
  map.clear();
  t.equal(map.size, 0);
});
