import { hash } from '@node-rs/argon2';
import { hash as hashBcrypt } from '@node-rs/bcrypt';
import t from 'tap';
import { SignInBusy } from '../../src/errors.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';

t.test('a hash is an argon2id PHC string with the parameters of OWASP and a random salt', async (t) => {
  const passwords = new PasswordHasher();
  const hash = await passwords.hash('password1');
  t.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  t.not(await passwords.hash('password1'), hash);
});

t.test('a password is verified exactly as it is (ASVS 6.2.8)', async (t) => {
  const passwords = new PasswordHasher();
  const long = 'ü'.repeat(1024);
  for (const password of ['password1', '', ' spaces ', 'nul\0byte', long]) {
    t.equal(await passwords.verify(await passwords.hash(password), password), true);
  }
  const hash = await passwords.hash('Pässword');
  const others = ['pässword', 'Pässword ', ' Pässword', 'Pässwor', 'Pa\u0308ssword', ''];
  for (const other of others) {
    t.equal(await passwords.verify(hash, other), false, JSON.stringify(other));
  }
  t.equal(await passwords.verify(await passwords.hash('nul\0byte'), 'nul'), false);
  t.equal(await passwords.verify(await passwords.hash(long), long.slice(0, -1)), false);
});

t.test('a lone surrogate does not match U+FFFD, which UTF-8 replaces it with', async (t) => {
  const passwords = new PasswordHasher();
  const hash = await passwords.hash('pw\ufffd');
  t.equal(await passwords.verify(hash, 'pw\ufffd'), true);
  t.equal(await passwords.verify(hash, 'pw\ud800'), false);
});

t.test('a password with NUL does not match a bcrypt hash, which repeats a password after a NUL', async (t) => {
  const passwords = new PasswordHasher();
  const hash = await hashBcrypt('password', 4);
  t.equal(await passwords.verify(hash, 'password'), true);
  for (const password of ['password\0password', 'password\0', 'pass\0word']) {
    t.equal(await passwords.verify(hash, password), false, JSON.stringify(password));
  }
});

t.test('if the queue is full, verify throws SignInBusy, and the waiting hashes complete', async (t) => {
  const passwords = new PasswordHasher({ concurrency: 1, maxWaiting: 2 });
  const hash = await passwords.hash('password1');
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => passwords.verify(hash, 'password1')));
  const served = outcomes.filter(({ status }) => status === 'fulfilled');
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  t.equal(served.length, 3, 'one that runs and two that wait');
  for (const { reason } of refused) {
    t.ok(reason instanceof SignInBusy);
    t.match(reason, { statusCode: 503, headers: { 'retry-after': /^\d+$/ } });
  }
  t.equal(await passwords.verify(hash, 'password1'), true, 'and later there is room again');
});

t.test('by default 100 hashes can wait for each concurrent one', async (t) => {
  const passwords = new PasswordHasher({ concurrency: 2 });
  const quick = await hash('password1', { memoryCost: 8, timeCost: 1 });
  const outcomes = await Promise.allSettled(Array.from({ length: 203 }, () => passwords.verify(quick, 'password1')));
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 202);
});

t.test('a malformed hash is an error, not a wrong password', async (t) => {
  const passwords = new PasswordHasher();
  const good = await passwords.hash('password1');
  const expensive = good.replace('m=19456,t=2', 'm=262144,t=64');
  for (const hash of ['not a hash', '', good.slice(0, -1), `${good}=`, expensive]) {
    await t.rejects(passwords.verify(hash, 'password1'), { name: 'UnusableHash' }, hash);
  }
});

t.test('options that make no sense are refused', async (t) => {
  for (const options of [{ concurrency: 0 }, { concurrency: Number.NaN }, { maxWaiting: -1 }, { maxWaiting: 1.5 }]) {
    t.throws(() => new PasswordHasher(options), {
      message: /^PasswordHasher: \w+ is .*: it must be a whole number from/,
    });
  }
  t.throws(() => new PasswordHasher({ concurency: 2 } as object), { message: /the option concurency does not exist/ });
});
