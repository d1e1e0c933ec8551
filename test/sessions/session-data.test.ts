import t from 'tap';
import { MAX_DATA_BYTES, toStoredData } from '../../src/sessions/session-data.ts';

/** An object whose JSON has this many bytes. */
const ofBytes = (bytes: number) => ({ text: 'x'.repeat(bytes - '{"text":""}'.length) });

t.test('JSON is kept as a frozen copy, and undefined fields are left out', async (t) => {
  const data = { list: [1, { deep: true }], none: undefined, nothing: null, text: '\ud800 é', x: 1.5 };
  const stored = toStoredData(data);
  t.strictSame(stored, { list: [1, { deep: true }], nothing: null, text: '\ud800 é', x: 1.5 });
  t.throws(() => (stored as typeof data).list.push(2), TypeError);
  t.throws(() => Object.assign((stored as typeof data).list[1] as object, { deep: false }), TypeError);
  data.list.push(3);
  t.match(stored, { list: { length: 2 } }, 'the copy does not change with the original');
  t.strictSame(toStoredData(Object.assign(Object.create(null), { a: 1 })), { a: 1 });
  t.equal(Object.hasOwn(toStoredData(JSON.parse('{"__proto__":{"a":1}}')), '__proto__'), true);
});

t.test('data longer than 4 KiB of UTF-8 is refused', async (t) => {
  t.ok(toStoredData(ofBytes(MAX_DATA_BYTES)));
  t.throws(() => toStoredData(ofBytes(MAX_DATA_BYTES + 1)), {
    name: 'RangeError',
    message: /4097 bytes.*at most 4096/,
  });
  t.throws(() => toStoredData({ text: 'é'.repeat(2048) }), RangeError);
});

t.test('what JSON would change or lose is refused, and the message names the place but no value', async (t) => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const refused: [unknown, RegExp][] = [
    [undefined, /must be a plain object/],
    [null, /must be a plain object/],
    ['secret', /must be a plain object/],
    [[], /must be a plain object/],
    [new Map(), /must be a plain object/],
    [{ a: { b: [0, new Date(0)] } }, /^data\.a\.b\[1\] cannot be kept/],
    [{ a: Number.NaN }, /^data\.a cannot be kept/],
    [{ a: Number.POSITIVE_INFINITY }, /^data\.a/],
    [{ a: () => {} }, /^data\.a/],
    [{ a: Symbol('secret') }, /^data\.a/],
    [{ a: [undefined] }, /^data\.a\[0\]/],
    [{ a: new Array(1) }, /^data\.a\[0\]/],
    [{ a: new Set([1]) }, /^data\.a/],
    [{ toJSON: () => ({}) }, /^data\.toJSON/],
    [{ a: 1n }, /^data\.a/],
    [circle, /refers to itself/],
  ];
  for (const [data, message] of refused) {
    t.throws(() => toStoredData(data), { name: 'TypeError', message }, String(message));
  }
});
