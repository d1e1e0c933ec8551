import t from 'tap';
import { isBcrypt, isOutdated, objectionTo } from '../../src/users/password-hash.ts';

const argon2id = (m: number, time: number, p = 1) =>
  `$argon2id$v=19$m=${m},t=${time},p=${p}$c29tZXNhbHRzb21lc2FsdA$${'h'.repeat(43)}`;
const bcrypt = (cost: string, version = 'y') => `$2${version}$${cost}$${'a'.repeat(53)}`;

t.test('argon2id and bcrypt can be used, at costs that a sign-in can pay for', async (t) => {
  for (const hash of [
    argon2id(19_456, 2),
    argon2id(8, 1),
    argon2id(65_536, 3, 4),
    argon2id(262_144, 64, 16),
  ]) {
    t.equal(objectionTo(hash), undefined, hash);
  }
  for (const hash of [bcrypt('05'), bcrypt('12', 'a'), bcrypt('10', 'b'), bcrypt('14')]) {
    t.equal(objectionTo(hash), undefined, hash);
  }
  for (const hash of [argon2id(262_145, 2), argon2id(19_456, 65), argon2id(19_456, 2, 17), argon2id(7, 1)]) {
    t.equal(objectionTo(hash), 'costs that no sign-in can pay for', hash);
  }
  for (const hash of [argon2id(19_456, 0), argon2id(19_456, 2, 0)]) {
    t.equal(objectionTo(hash), 'costs that no sign-in can pay for', hash);
  }
  for (const cost of ['03', '15', '31']) {
    t.match(objectionTo(bcrypt(cost)), /cost must be 4 to 14/, cost);
  }
});

t.test('nothing else can', async (t) => {
  const others = [
    '',
    'password',
    '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=',
    '$apr1$salt$hashhashhashhashhashha',
    '$6$salt$hash',
    argon2id(19_456, 2).replace('argon2id', 'argon2i'),
    argon2id(19_456, 2).replace('v=19', 'v=16'),
    `${argon2id(19_456, 2)}$`,
    bcrypt('05', 'x'),
    bcrypt('5'),
    `${bcrypt('05')}a`,
  ];
  for (const other of others) {
    t.match(objectionTo(other), /^neither an argon2id hash .* nor a bcrypt hash/, other);
    t.equal(isBcrypt(other), false);
    t.equal(isOutdated(other, 'password'), false);
  }
});

t.test('a hash that is cheaper to guess than ours is outdated, a dearer one is not', async (t) => {
  for (const hash of [
    argon2id(19_455, 2),
    argon2id(19_456, 1),
    argon2id(65_536, 1),
    bcrypt('05'),
    bcrypt('14'),
  ]) {
    t.equal(isOutdated(hash, 'password'), true, hash);
  }
  for (const hash of [argon2id(19_456, 2), argon2id(65_536, 3), argon2id(19_456, 2, 4)]) {
    t.equal(isOutdated(hash, 'password'), false, hash);
  }
});

t.test('a bcrypt hash stays where the password is longer than bcrypt looks', async (t) => {
  t.equal(isOutdated(bcrypt('05'), 'x'.repeat(72)), true);
  t.equal(isOutdated(bcrypt('05'), 'x'.repeat(73)), false);
  t.equal(isOutdated(bcrypt('05'), 'ü'.repeat(37)), false, 'it counts bytes');
});
