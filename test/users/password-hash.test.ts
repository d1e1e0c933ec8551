import { hash as hashArgon2 } from '@node-rs/argon2';
import { hash as hashBcrypt } from '@node-rs/bcrypt';
import t from 'tap';
import { isBcrypt, needsRehash, validateHash } from '../../src/users/password-hash.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';

const argon2id = (m: number, time: number, p = 1) =>
  `$argon2id$v=19$m=${m},t=${time},p=${p}$${base64(16)}$${base64(32)}`;
const bcrypt = (cost: string, version = 'y') => `$2${version}$${cost}$${'a'.repeat(21)}u${'a'.repeat(30)}m`;

function base64(bytes: number): string {
  return Buffer.alloc(bytes, 7).toString('base64').replace(/=+$/, '');
}

t.test('argon2id and bcrypt hashes are valid if their costs are within the limits', async (t) => {
  for (const hash of [argon2id(19_456, 2), argon2id(8, 1), argon2id(65_536, 3, 4), argon2id(262_144, 8, 16)]) {
    t.equal(validateHash(hash), undefined, hash);
  }
  for (const hash of [bcrypt('05'), bcrypt('12', 'a'), bcrypt('10', 'b'), bcrypt('14')]) {
    t.equal(validateHash(hash), undefined, hash);
  }
  for (const hash of [argon2id(262_145, 2), argon2id(19_456, 65), argon2id(19_456, 2, 17), argon2id(7, 1)]) {
    t.equal(validateHash(hash), 'the costs of argon2id are out of range', hash);
  }
  for (const hash of [argon2id(262_144, 9), argon2id(32_769, 64), argon2id(19_456, 0), argon2id(19_456, 2, 0)]) {
    t.equal(validateHash(hash), 'the costs of argon2id are out of range', hash);
  }
  for (const cost of ['03', '15', '31']) {
    t.match(validateHash(bcrypt(cost)), /cost of bcrypt must be 4 to 14/, cost);
  }
});

t.test('a hash that cannot be decoded is invalid', async (t) => {
  const [salt, hash] = [base64(16), base64(32)];
  const parts = [
    [salt, hash.slice(0, -1)],
    [salt, hash.slice(0, -2)],
    [salt, `${hash.slice(0, -1)}h`],
    [salt, `${hash}=`],
    [salt, hash.replace(/.$/, '_')],
    [salt, base64(12)],
    [salt, base64(31)],
    [salt, base64(68)],
    [salt, ''],
    [salt.slice(0, -1), hash],
    [`${salt}==`, hash],
    [base64(7), hash],
    [base64(65), hash],
    ['', hash],
  ];
  for (const [salt, hash] of parts) {
    const text = `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${hash}`;
    t.equal(validateHash(text), 'the argon2id hash is cut short or has changed', text);
  }
  for (const bytes of [8, 64]) {
    t.equal(validateHash(`$argon2id$v=19$m=19456,t=2,p=1$${base64(bytes)}$${base64(Math.max(16, bytes))}`), undefined);
  }
  const good = bcrypt('05');
  for (const text of [good.slice(0, -1), `${good}a`, good.replace(/m$/, 'n'), good.replace('u', 'v'), '$2y$05$']) {
    t.equal(validateHash(text), 'the bcrypt hash is cut short or has changed', text);
    t.equal(isBcrypt(text), false);
  }
});

t.test('a hash that is valid can be verified, however it was changed', async (t) => {
  const passwords = new PasswordHasher();
  const hashes = [await hashArgon2('x', { memoryCost: 8, timeCost: 1 }), await hashBcrypt('x', 4)];
  const alphabet = '$=,+/.-_0159AZaz';
  let valid = 0;
  for (const hash of hashes) {
    for (let i = 0; i < hash.length; i++) {
      for (const letter of ['', ...alphabet]) {
        const changed = hash.slice(0, i) + letter + hash.slice(i + 1);
        // Costs that are valid and high would only make the test slow.
        if (validateHash(changed) === undefined && /m=8,t=\d,|^\$2.\$0[45]/.test(changed)) {
          valid++;
          t.equal(typeof (await passwords.verify(changed, 'x')), 'boolean', changed);
        }
      }
    }
  }
  t.ok(valid > 500, `${valid} of the changed hashes are valid`);
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
    argon2id(19_456, 2).replace('m=', 'm=0'),
    `${argon2id(19_456, 2)}$`,
    bcrypt('05', 'x'),
    bcrypt('5'),
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

t.test('a bcrypt hash stays if the password has 72 bytes or more', async (t) => {
  t.equal(needsRehash(bcrypt('05'), 'x'.repeat(71)), true);
  t.equal(needsRehash(bcrypt('05'), 'x'.repeat(72)), false, 'the password of the user may be longer');
  t.equal(needsRehash(bcrypt('05'), 'x'.repeat(73)), false);
  t.equal(needsRehash(bcrypt('05'), 'ü'.repeat(36)), false, 'it counts bytes');
});
