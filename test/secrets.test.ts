import { createHash } from 'node:crypto';
import t from 'tap';
import { hashesMatch, hashSecret, newSecret } from '../src/secrets.ts';

t.test('a new secret is 256 random bits, in base64url', async (t) => {
  t.equal(Buffer.from(newSecret(), 'base64url').length, 32);
  t.not(newSecret(), newSecret());
});

t.test('the hash of a secret is its SHA-256', async (t) => {
  t.equal(hashSecret('secret'), createHash('sha256').update('secret').digest('base64url'));
});

t.test('hashes match only if they are equal', async (t) => {
  t.ok(hashesMatch(hashSecret('a'), hashSecret('a')));
  t.notOk(hashesMatch(hashSecret('a'), hashSecret('b')));
  t.notOk(hashesMatch(hashSecret('a'), ''), 'a record with a broken hash is no match and no crash');
});
