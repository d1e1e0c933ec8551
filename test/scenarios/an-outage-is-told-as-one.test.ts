import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { startRedis } from '../helpers/redis-server.ts';
import { ANN, build, signIn, welcome } from '../helpers/service.ts';
import { addUser, openTestStores } from '../helpers/users.ts';

// Rule 3 of the design against a real Redis server. test/slow/ has outages under load.

t.test('a service that starts before its Redis server is ready once the server is', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  await addUser(await openTestStores(t, redis.url), ANN);
  await redis.kill();
  const log: string[] = [];
  const app = await build(t, { log, env: { STORE_URL: redis.url, LOG_LEVEL: 'warn' } });
  t.match(log.join(), 'the store cannot be reached');
  t.equal((await app.inject('/readyz')).statusCode, 503);
  t.equal((await app.inject({ method: 'POST', url: '/signin', payload: ANN })).statusCode, 503);
  await redis.restart();
  while ((await app.inject('/readyz')).statusCode !== 200) {
    await sleep(10);
  }
  t.equal(await welcome(app, await signIn(app, ANN)), 200);
});
