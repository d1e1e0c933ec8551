import t from 'tap';
import { RecordTable } from '../../../src/stores/memory/record-table.ts';
import { record } from '../../helper.ts';

const numbered = (i: number) => record({ id: `id ${i}`, device: `device ${i}`, createdAt: i + 0.5 });

t.test('records come back as they went in, however many', async (t) => {
  const table = new RecordTable();
  const records = Array.from({ length: 3000 }, (_, i) => numbered(i));
  const slots = records.map((each) => table.add(each));
  t.equal(new Set(slots).size, records.length);
  t.strictSame(
    slots.map((slot) => table.get(slot)),
    records,
  );
  t.equal(table.expiresAt(slots[2999] as number), records[2999]?.expiresAt);
});

t.test('a record is what was put there last, with all it has and nothing of the one before', async (t) => {
  const table = new RecordTable();
  const replaced = record({ replaced: [{ secretHash: 'old', replacedAt: 1 }] });
  const slot = table.add(replaced);
  t.strictSame(table.get(slot), replaced);
  table.set(slot, numbered(2));
  t.strictSame(table.get(slot), numbered(2));
});

t.test('a slot that was given up is used again, before the table grows', async (t) => {
  const table = new RecordTable();
  const slots = Array.from({ length: 1024 }, (_, i) => table.add(numbered(i)));
  table.delete(slots[500] as number);
  t.equal(table.add(numbered(5000)), slots[500]);
  t.equal(table.add(numbered(5001)), 1024);
});

t.test('a table that was cleared begins anew', async (t) => {
  const table = new RecordTable();
  table.add(numbered(1));
  table.clear();
  t.equal(table.add(numbered(2)), 0);
  t.strictSame(table.get(0), numbered(2));
});
