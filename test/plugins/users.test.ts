import Fastify from 'fastify';
import t from 'tap';
import { users } from '../../src/index.ts';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { newUser } from '../../src/stores/user-store.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';
import { build } from '../helper.ts';

t.test('the demo users exist with the store in memory, and the log warns of them', async (t) => {
  const log: string[] = [];
  const app = await build(t, { log, env: { LOG_LEVEL: 'info' } });
  t.match(await app.authenticate('user1', 'password1'), { username: 'user1' });
  t.match(await app.authenticate('user2', 'password2'), { username: 'user2' });
  t.match(JSON.parse(log[0] ?? '{}'), { level: 40, users: ['user1', 'user2'], msg: /^DEMO USERS/ });
});

t.test('with a store of users there are no others', async (t) => {
  const log: string[] = [];
  const passwords = new PasswordHasher();
  const userStore = new MemoryUserStore();
  userStore.create(newUser('ann', await passwords.hash('a password of her own')));
  const app = await build(t, { log, env: { LOG_LEVEL: 'info' }, userStore, passwords });
  t.match(await app.authenticate('ann', 'a password of her own'), { username: 'ann' });
  t.equal(await app.authenticate('user1', 'password1'), undefined);
  t.same(log, []);
});

t.test('on a bare app, it needs a store and no other option', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  // Waits for real: the bound is a timer of the process.
  await app.register(users, { store: { find: () => new Promise<never>(() => {}), replace: () => true } });
  await t.rejects(app.authenticate('ann', 'a password'), { code: 'STORE_UNAVAILABLE' });
});

t.test('a store of users that fails is "cannot tell"', async (t) => {
  const userStore = new MemoryUserStore();
  userStore.find = () => {
    throw new Error('down');
  };
  const app = await build(t, { userStore });
  await t.rejects(app.authenticate('ann', 'a password'), { code: 'STORE_UNAVAILABLE' });
});
