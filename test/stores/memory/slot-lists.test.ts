import t from 'tap';
import { SlotLists } from '../../../src/stores/memory/slot-lists.ts';

function lists(...slots: number[]) {
  const made = new SlotLists<string>(new Map());
  for (const slot of slots) {
    made.add('key', slot);
  }
  return { made, slots: () => [...made.slots('key')] };
}

t.test('a list holds what was added to it, the latest first', async (t) => {
  const { made, slots } = lists(3, 0, 5000);
  made.add('other', 1);
  t.same(slots(), [5000, 0, 3]);
  t.same([...made.slots('other')], [1]);
  t.same([...made.slots('no such key')], []);
});

for (const [place, slot] of Object.entries({ first: 3, middle: 2, last: 1 })) {
  t.test(`the ${place} one comes out, and can come in again`, async (t) => {
    const { made, slots } = lists(1, 2, 3);
    made.delete('key', slot);
    const others = [3, 2, 1].filter((other) => other !== slot);
    t.same(slots(), others);
    made.add('key', slot);
    t.same(slots(), [slot, ...others]);
  });
}

t.test('nothing is kept of a list whose last slot has gone', async (t) => {
  const heads = new Map<string, number>();
  const made = new SlotLists(heads);
  made.add('key', 7);
  made.delete('key', 7);
  t.equal(heads.size, 0);
  made.add('other', 7);
  t.same([...made.slots('other')], [7]);
});

t.test('slots may be taken out while they are visited', async (t) => {
  const { made, slots } = lists(1, 2, 3);
  const visited = [];
  for (const slot of made.slots('key')) {
    made.delete('key', slot);
    visited.push(slot);
  }
  t.same(visited, [3, 2, 1]);
  t.same(slots(), []);
});

t.test('clear forgets everything', async (t) => {
  const { made, slots } = lists(1, 2);
  made.clear();
  t.same(slots(), []);
  made.add('key', 2);
  t.same(slots(), [2]);
});
