import t from 'tap';
import { validatePassword } from '../../src/users/password-policy.ts';

const strict = (password: string, username: string) => validatePassword(password, username, 15);
const lenient = (password: string, username: string) => validatePassword(password, username, 8);

t.test('any long password will do, whatever it is made of (ASVS 6.2.5, NIST 3.1.1.2)', async (t) => {
  const good = [
    'a horse, a battery',
    'mfkwhcbtrelpodq',
    ' spaces at both ends ',
    '猫と犬と鳥と魚と馬と牛と羊と鶏',
    'x9'.repeat(4) + 'y!'.repeat(508),
  ];
  for (const password of good) {
    t.equal(await strict(password, 'ann'), undefined, password.slice(0, 30));
  }
});

t.test('its length is counted in characters, and bounded (ASVS 6.2.1, ASVS 6.2.9)', async (t) => {
  t.match(await strict('mfkwhcbtrelpod', 'ann'), 'has 14 characters; it must have 15 or more');
  t.match(await strict('👍👎👌', 'ann'), 'has 3 characters;');
  t.match(await strict('👍', 'ann'), 'has 1 character;');
  t.match(await strict('', 'ann'), 'has 0 characters;');
  t.match(await lenient('mfkwhcb', 'ann'), 'must have 8 or more');
  t.equal(await lenient('mfkwhcbt', 'ann'), undefined);
  const long = Array.from({ length: 1025 }, (_, i) => String.fromCodePoint(0x4e00 + i));
  t.match(await strict(long.join(''), 'ann'), 'must have 1024 or fewer');
  t.equal(await strict(long.slice(1).join(''), 'ann'), undefined);
});

t.test('a common password is rejected, in upper or lower case', async (t) => {
  for (const password of ['password', 'PassWord', 'baseball', 'qwertyuiop', 'iloveyou']) {
    t.match(await lenient(password, 'ann'), /one of the most common/, password);
  }
  for (const password of ['passwordpassword', 'qwerty123456789', 'monkeymonkeymonkey', '1111111111111111']) {
    t.match(await strict(password, 'ann'), /one of the most common|repeats itself/, password);
  }
});

t.test('a short text that repeats itself is rejected', async (t) => {
  for (const password of ['zqjzqjzqjzqjzqj', '{}{}{}{}{}{}{}{}', '$$$$$$$$$$$$$$$$']) {
    t.match(await strict(password, 'ann'), /repeats itself/, password);
  }
  t.equal(await strict('mfkwhcbtmfkwhcbt', 'ann'), undefined, 'a long one is not');
});

t.test("one with the user's name in it is refused, but for names of a letter or two (ASVS 6.2.11)", async (t) => {
  t.match(await strict('my name is Ann Other', 'aNN'), /must not contain the user's name/);
  t.match(await strict('MY NAME IS JOSÉ, AND THAT IS IT', 'jose\u0301'), /must not contain the user's name/);
  t.equal(await strict('a horse, a battery', 'ba'), undefined);
  t.equal(await strict('a horse, a battery', ''), undefined);
});
