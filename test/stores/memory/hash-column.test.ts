import t from 'tap';
import { hashSecret } from '../../../src/sessions/token.ts';
import { HashColumn } from '../../../src/stores/memory/hash-column.ts';

t.test('every text comes back as it went in', async (t) => {
  const column = new HashColumn(4);
  const hash = hashSecret('secret');
  const lookalikes = [
    '',
    'short',
    'täxt',
    `${hash}=`,
    `${hash} `,
    `${hash}${hash}`,
    hash.replace(/^./, '+'),
    // The last character holds four bits of the hash; two more would be lost.
    `${hash.slice(0, -1)}9`,
    'é'.repeat(43),
    '\u0000'.repeat(32),
  ];
  for (const text of [...lookalikes, hash, ...lookalikes]) {
    column.set(2, text);
    t.equal(column.get(2), text);
  }
});

t.test('the places do not touch each other', async (t) => {
  const column = new HashColumn(3);
  const hashes = ['a', 'b', 'c'].map(hashSecret);
  hashes.forEach((hash, i) => void column.set(i, hash));
  column.set(1, 'another text');
  t.same([column.get(0), column.get(1), column.get(2)], [hashes[0], 'another text', hashes[2]]);
  column.delete(1);
  column.set(1, hashes[1] as string);
  t.same([column.get(0), column.get(1), column.get(2)], hashes);
});
