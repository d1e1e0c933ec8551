import t from 'tap';
import { cleanUsername, usernameKey } from '../../src/users/username.ts';

const SAME = [
  ['ann', 'Ann', 'ANN', ' ann', 'ann ', '\tAnn\u00a0', 'ａｎｎ', 'ＡＮＮ'],
  ['josé', 'jose\u0301', 'JOSÉ', 'JOSE\u0301'],
  ['straße', 'Straße', 'STRAẞE'],
  ['οδος', 'ΟΔΟΣ', 'οδοσ', 'Οδος'],
  ['İstanbul', 'i\u0307stanbul', 'I\u0307STANBUL'],
  ['ǰ', 'J\u030c', 'j\u030c'],
  ['kelvin', '\u212aelvin'],
  ['ﬁsh', 'FISH'],
  ['℡', 'tel'],
  ['__PROTO__', '__proto__'],
  ['a b', 'A B', 'a\u3000b'],
];

t.test('names have the same key without regard to case, spaces around them and Unicode form', async (t) => {
  for (const [first = '', ...others] of SAME) {
    for (const other of others) {
      t.equal(usernameKey(other), usernameKey(first), `${first} and ${JSON.stringify(other)}`);
    }
  }
  t.equal(new Set(SAME.map(([name = '']) => usernameKey(name))).size, SAME.length, 'and no other key');
});

t.test('other names have other keys', async (t) => {
  const names = [
    'strasse',
    'straße',
    'istanbul',
    'ıstanbul',
    'İstanbul',
    'jose',
    'josé',
    'a b',
    'ab',
    'a  b',
    '',
    'а',
    'a',
  ];
  names.push('\ud800', '\udfff', '\ufffd');
  t.equal(new Set(names.map(usernameKey)).size, names.length);
});

t.test('the key of a key is the key itself, for every character', async (t) => {
  const wrong: string[] = [];
  for (let code = 0; code <= 0x10_ffff; code++) {
    const character = String.fromCodePoint(code);
    // Unicode gives these neither case nor another form.
    if (/[\p{Unassigned}\p{Private_Use}]/u.test(character)) {
      continue;
    }
    for (const name of [character, `a${character}`, `${character}\u0301`]) {
      const key = usernameKey(name);
      if (usernameKey(key) !== key || usernameKey(cleanUsername(name)) !== key) {
        wrong.push(code.toString(16));
      }
    }
  }
  t.same(wrong, []);
});

t.test('a name is shown as entered, trimmed and composed', async (t) => {
  t.equal(cleanUsername(' Jose\u0301 O’Neill\n'), 'José O’Neill');
  t.equal(cleanUsername('ＡＮＮ'), 'ＡＮＮ');
  t.equal(cleanUsername(' '), '');
});
