import t from 'tap';
import { addTo, removeFrom } from '../../../src/stores/memory/sets.ts';

t.test('a key has the values it was given and not those taken back, and goes with the last', async (t) => {
  const sets = new Map<string, Set<number>>();
  addTo(sets, 'a', 1);
  addTo(sets, 'a', 2);
  addTo(sets, 'b', 3);
  t.same(
    sets,
    new Map([
      ['a', new Set([1, 2])],
      ['b', new Set([3])],
    ]),
  );
  removeFrom(sets, 'a', 1);
  removeFrom(sets, 'a', 9);
  removeFrom(sets, 'nothing', 1);
  removeFrom(sets, 'b', 3);
  t.same(sets, new Map([['a', new Set([2])]]));
});
