import t from 'tap';
import { Accounts } from '../../src/users/accounts.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';
import { operator, startRedis } from '../helpers/redis-server.ts';
import { ANN, build, ownerIn, signIn, USER1, USER2, welcome } from '../helpers/service.ts';
import { addUser, openTestStores } from '../helpers/users.ts';

// Rule 9 of the design, on a Redis server that rejects every command which may need memory.

t.test('on a full server only sign-in is 503, for instances that run, reconnect or start', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const stores = await openTestStores(t, redis.url);
  for (const user of [ANN, USER1, USER2]) {
    await addUser(stores, user);
  }
  const env = { STORE_URL: redis.url };
  const running = await build(t, { env });
  const cookies = await Promise.all([ANN, USER1, USER2].map((user) => signIn(running, user)));
  const [ann = '', user1 = '', user2 = ''] = cookies;

  const client = await operator(t, redis);
  await client.configSet('maxmemory', '1');
  await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes']);
  const started = await build(t, { env });
  for (const app of [running, started]) {
    while ((await app.inject('/readyz')).statusCode !== 200) {
      await new Promise(setImmediate);
    }
    t.equal(await welcome(app, ann), 200);
    t.equal((await app.inject({ method: 'POST', url: '/signin', payload: ANN })).statusCode, 503);
  }
  t.equal((await started.inject({ method: 'POST', url: '/refresh', headers: { cookie: user1 } })).statusCode, 200);
  t.equal((await started.inject({ method: 'POST', url: '/logout', headers: { cookie: user2 } })).statusCode, 200);

  const { users, sessions } = await openTestStores(t, redis.url);
  const accounts = new Accounts({ users, sessions, passwords: new PasswordHasher(), passwordMinLength: 15 });
  t.equal(await accounts.disable(ANN.username), 1);
  t.match(await users.find(ANN.username), { disabled: true });
  t.equal(await welcome(running, ann), 401);
  t.equal(await sessions.removeByUser(await ownerIn(users, USER1.username)), 1);
  t.equal(await accounts.remove(USER1.username), 0);
});
