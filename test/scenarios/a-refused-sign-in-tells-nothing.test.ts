import t from 'tap';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { PasswordHasher, type VerifyOptions } from '../../src/users/passwords.ts';
import { newUser } from '../../src/users/user-store.ts';
import { build } from '../helpers/service.ts';

// Rule 6 of the design: a failed sign-in does not reveal whether the name exists. Status, body, headers and cost, one
// password hash, are the same.

const refused = {
  'a wrong password': { username: 'user1', password: 'password2' },
  'an empty password': { username: 'user1', password: '' },
  'no password': { username: 'user1' },
  'an unknown name': { username: 'nobody', password: 'password1' },
  'an empty name': { username: '', password: 'password1' },
  'no name': { password: 'password1' },
  nothing: {},
  'unknown fields': { user: 'user1', pass: 'password1' },
  'a wrong password for a name in another case': { username: 'User1', password: 'password2' },
  'a wrong password for a name with a space': { username: 'user1 ', password: 'password2' },
  'an unknown name in another case': { username: 'Nobody', password: 'password1' },
  'a name with a space inside': { username: 'user 1', password: 'password1' },
  'a password with a space': { username: 'user1', password: 'password1 ' },
  'a password with text after a NUL': { username: 'user1', password: 'password1\0x' },
  'the name __proto__': { username: '__proto__', password: 'password1' },
  'the name constructor': { username: 'constructor', password: '' },
  'the name toString': { username: 'toString', password: 'toString' },
  'the longest name and password': { username: 'x'.repeat(256), password: 'y'.repeat(1024) },
};

t.test('every refusal is the same to the byte (ASVS 6.3.8)', async (t) => {
  const app = await build(t);
  const replies = new Map<string, string>();
  for (const [name, payload] of Object.entries(refused)) {
    const { statusCode, headers, body } = await app.inject({ method: 'POST', url: '/signin', payload });
    t.equal(statusCode, 401, name);
    const { date: _, 'x-request-id': __, ...rest } = headers;
    replies.set(name, JSON.stringify([rest, body]));
  }
  t.equal(new Set(replies.values()).size, 1);
  t.match([...replies.values()][0], 'SIGN_IN_REFUSED');
  t.notMatch([...replies.values()][0], 'set-cookie');
});

t.test('every failure computes one hash with the same parameters', async (t) => {
  const hashed: string[] = [];
  const passwords = new (class extends PasswordHasher {
    override verify(passwordHash: string, password: string, options?: VerifyOptions) {
      hashed.push(passwordHash.split('$').slice(0, 4).join('$'));
      return super.verify(passwordHash, password, options);
    }
  })();
  const userStore = new MemoryUserStore();
  userStore.create(newUser('user1', await passwords.hash('password1')));
  const app = await build(t, { passwords, userStore });
  for (const [name, payload] of Object.entries(refused)) {
    hashed.length = 0;
    await app.inject({ method: 'POST', url: '/signin', payload });
    t.same(hashed, ['$argon2id$v=19$m=19456,t=2,p=1'], name);
  }
});

t.test('the log of a failure does not contain the name, which may be a password in the wrong field', async (t) => {
  const log: string[] = [];
  const app = await build(t, { log, env: { LOG_LEVEL: 'info' } });
  await app.inject({ method: 'POST', url: '/signin', payload: { username: 'hunter2', password: '' } });
  t.match(JSON.parse(log.at(-1) ?? '{}'), {
    level: 40,
    event: 'authn_login_fail',
    reason: 'unknown user',
    address: '127.0.0.1',
  });
  t.notMatch(log.join('\n'), 'hunter2');
});
