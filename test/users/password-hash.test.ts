import t from 'tap';
import { isBcrypt, needsRehash, validateHash } from '../../src/users/password-hash.ts';

const argon2id = (m: number, time: number, p = 1) =>
  `$argon2id$v=19$m=${m},t=${time},p=${p}$c29tZXNhbHRzb21lc2FsdA$${'h'.repeat(43)}`;
const bcrypt = (cost: string, version = 'y') => `$2${version}$${cost}$${'a'.repeat(53)}`;

t.test('argon2id and bcrypt hashes are valid if their costs are within the limits', async (t) => {
  for (const hash of [argon2id(19_456, 2), argon2id(8, 1), argon2id(65_536, 3, 4), argon2id(262_144, 64, 16)]) {
    t.equal(validateHash(hash), undefined, hash);
  }
  for (const hash of [bcrypt('05'), bcrypt('12', 'a'), bcrypt('10', 'b'), bcrypt('14')]) {
    t.equal(validateHash(hash), undefined, hash);
  }
  for (const hash of [argon2id(262_145, 2), argon2id(19_456, 65), argon2id(19_456, 2, 17), argon2id(7, 1)]) {
    t.equal(validateHash(hash), 'the costs of argon2id are out of range', hash);
  }
  for (const hash of [argon2id(19_456, 0), argon2id(19_456, 2, 0)]) {
    t.equal(validateHash(hash), 'the costs of argon2id are out of range', hash);
  }
  for (const cost of ['03', '15', '31']) {
    t.match(validateHash(bcrypt(cost)), /cost of bcrypt must be 4 to 14/, cost);
  }
});

t.test('other hashes are invalid', async (t) => {
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
    t.match(validateHash(other), /^neither an argon2id hash .* nor a bcrypt hash/, other);
    t.equal(isBcrypt(other), false);
    t.equal(needsRehash(other, 'password'), false);
  }
});

t.test('a hash with lower costs than ours needs a rehash, one with higher costs does not', async (t) => {
  for (const hash of [argon2id(19_455, 2), argon2id(19_456, 1), argon2id(65_536, 1), bcrypt('05'), bcrypt('14')]) {
    t.equal(needsRehash(hash, 'password'), true, hash);
  }
  for (const hash of [argon2id(19_456, 2), argon2id(65_536, 3), argon2id(19_456, 2, 4)]) {
    t.equal(needsRehash(hash, 'password'), false, hash);
  }
});

t.test('a bcrypt hash stays if the password is longer than 72 bytes', async (t) => {
  t.equal(needsRehash(bcrypt('05'), 'x'.repeat(72)), true);
  t.equal(needsRehash(bcrypt('05'), 'x'.repeat(73)), false);
  t.equal(needsRehash(bcrypt('05'), 'ü'.repeat(37)), false, 'it counts bytes');
});
