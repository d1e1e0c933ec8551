import t from 'tap';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { createPasswordLink, findByLink, LinkFailure, withLink, withoutLink } from '../../src/users/password-link.ts';
import { sessionVersionOf } from '../../src/users/user-changes.ts';
import { newUser } from '../../src/users/user-store.ts';

const NOW = Date.UTC(2030, 0, 1, 12);
const HOUR = 3_600_000;

async function setUp(username = 'Ann') {
  const users = new MemoryUserStore();
  users.create(newUser(username, '$hash', NOW));
  const link = await createPasswordLink(users, username, NOW);
  const find = async (token: string, now = NOW) => {
    const found = await findByLink(users, token, now);
    return found instanceof LinkFailure ? { reason: found.reason, username: found.username } : found.username;
  };
  return { users, token: link?.token ?? '', expiresAt: link?.expiresAt, find };
}

t.test('a token has 256 random bits, and the store has only their SHA-256 hash', async (t) => {
  const { users, token, expiresAt } = await setUp();
  const [key = '', secret = ''] = token.split('.');
  t.equal(Buffer.from(key, 'base64url').toString(), 'ann');
  t.equal(Buffer.from(secret, 'base64url').length, 32);
  t.equal(expiresAt, NOW + HOUR);
  const ann = users.find('ann');
  t.match(ann?.passwordLink, { secretHash: /^[\w-]{43}$/, expiresAt });
  t.notMatch(JSON.stringify(ann), secret);
  t.not(withLink(newUser('ann', '$hash'), NOW).token, token);
});

t.test('a link leads to its user until it expires, to the millisecond', async (t) => {
  const { token, find } = await setUp('José:漢 👍');
  t.equal(await find(token), 'José:漢 👍');
  t.equal(await find(token, NOW + HOUR - 1), 'José:漢 👍');
  t.same(await find(token, NOW + HOUR), { reason: 'expired link', username: 'José:漢 👍' });
});

t.test('any other text leads to nobody, and does not reveal a name', async (t) => {
  const { users, token, find } = await setUp();
  const [key = '', secret = ''] = token.split('.');
  users.create(newUser('bob', '$hash'));
  const others = [
    '',
    '.',
    key,
    `${key}.`,
    `.${secret}`,
    `${token}x`,
    `${key}.${'A'.repeat(43)}`,
    `${Buffer.from('bob').toString('base64url')}.${secret}`,
    `${Buffer.from('nobody').toString('base64url')}.${secret}`,
    `${'A'.repeat(1401)}.${secret}`,
  ];
  for (const text of others) {
    t.same(await find(text), { reason: 'unknown link', username: undefined }, text.slice(0, 80));
  }
  const ann = users.find('ann') ?? newUser('ann', '$hash');
  users.replace({ ...ann, passwordLink: { secretHash: 'short', expiresAt: NOW + HOUR } }, ann.version);
  t.same(await find(token), { reason: 'unknown link', username: undefined }, 'a damaged record');
});

t.test('a new link makes the earlier one invalid, and the sessions stay valid', async (t) => {
  const { users, token, find } = await setUp();
  const before = users.find('ann') ?? newUser('ann', '$hash');
  const next = await createPasswordLink(users, 'ANN', NOW);
  t.match(await find(token), { reason: 'unknown link' });
  t.equal(await find(next?.token ?? ''), 'Ann');
  const ann = users.find('ann') ?? before;
  t.equal(sessionVersionOf(ann), sessionVersionOf(before));
  t.not(ann.version, before.version);
  t.equal(withoutLink(ann).passwordLink, undefined);
});

t.test('a disabled or unknown user gets no link, and a link of a user who was disabled is invalid', async (t) => {
  const { users, token, find } = await setUp();
  const ann = users.find('ann') ?? newUser('ann', '$hash');
  users.replace({ ...ann, disabled: true }, ann.version);
  t.same(await find(token), { reason: 'disabled user', username: 'Ann' });
  t.equal(await createPasswordLink(users, 'ann'), undefined);
  t.equal(await createPasswordLink(users, 'bob'), undefined);
  t.ok(Number((await createPasswordLink((await setUp()).users, 'ann'))?.expiresAt) > Date.now(), 'an hour from now');
});
