import t from 'tap';
import { formatToken, generateToken, parseToken } from '../../src/sessions/token.ts';

t.test('a token is 128 random bits of id and 256 of secret, in base64url (ASVS 7.2.3)', async (t) => {
  const token = generateToken();
  t.equal(Buffer.from(token.id, 'base64url').length, 16);
  t.equal(Buffer.from(token.secret, 'base64url').length, 32);
  t.not(generateToken().id, token.id);
  t.not(generateToken().secret, token.secret);
});

t.test('a new secret can be minted for an id', async (t) => {
  const first = generateToken();
  const second = generateToken(first.id);
  t.equal(second.id, first.id);
  t.not(second.secret, first.secret);
});

t.test('a token is read back from its text', async (t) => {
  for (let i = 0; i < 100; i++) {
    const token = generateToken();
    t.same(parseToken(formatToken(token)), token);
  }
});

t.test('any other text is not a token', async (t) => {
  const text = formatToken(generateToken());
  const wrong = [
    '',
    '.',
    text.slice(1),
    text.slice(0, -1),
    `${text}A`,
    `${text}\n`,
    ` ${text}`,
    `"${text}"`,
    text.replace('.', ''),
    text.replace('.', '%2E'),
    `${text.slice(0, 5)}=${text.slice(6)}`,
    `${text.slice(0, 5)}é${text.slice(6)}`,
    `${text}.${text}`,
    'x'.repeat(10_000),
  ];
  for (const candidate of wrong) {
    t.equal(parseToken(candidate), undefined, JSON.stringify(candidate.slice(0, 80)));
  }
});
