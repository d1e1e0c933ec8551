import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { RedisSessionStore } from '../../../src/stores/redis/session-store.ts';
import { operator, startRedis } from '../../helpers/redis-server.ts';
import { build, record, signIn, USER1, welcome } from '../../helpers/service.ts';
import { startProxy } from '../../helpers/tcp-proxy.ts';
import { addUser, openTestStores } from '../../helpers/users.ts';
import { connect, listeningLog } from './connect.ts';

t.test('after a failover the service is not ready, and then uses the new master', async (t) => {
  const [old, next] = [await startRedis(t), await startRedis(t)];
  if (old === undefined || next === undefined) {
    return;
  }
  // Stands for a host name that points to the current master.
  let target = old.port;
  const proxy = await startProxy(t, () => target);
  const url = `redis://127.0.0.1:${proxy.port}`;
  const [oldMaster, newMaster] = [await operator(t, old), await operator(t, next)];
  await newMaster.sendCommand(['REPLICAOF', '127.0.0.1', String(old.port)]);
  await addUser(await openTestStores(t, url), USER1);
  const app = await build(t, { env: { STORE_URL: url } });
  const cookie = await signIn(app, USER1);
  await oldMaster.sendCommand(['WAIT', '1', '10000']);

  await newMaster.sendCommand(['REPLICAOF', 'NO', 'ONE']);
  await oldMaster.sendCommand(['REPLICAOF', '127.0.0.1', String(next.port)]);
  const ready = async () => (await app.inject('/readyz')).statusCode;
  while ((await ready()) === 200) {
    await sleep(10);
  }
  t.equal((await app.inject({ method: 'POST', url: '/logout', headers: { cookie } })).statusCode, 503);
  t.equal(await ready(), 503, 'as long as the name points to the replica');
  target = next.port;
  while ((await ready()) !== 200) {
    await sleep(10);
  }
  t.equal(await welcome(app, cookie), 200);
  t.equal((await app.inject({ method: 'POST', url: '/logout', headers: { cookie } })).statusCode, 200);
});

t.test('a service that starts on a replica waits until it is a master', async (t) => {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const client = await operator(t, redis);
  await client.sendCommand(['REPLICAOF', '127.0.0.1', '1']);
  const { log, lines } = listeningLog();
  const store = new RedisSessionStore(await connect(redis, { log }));
  t.teardown(() => store.close());
  t.match(lines, [{ message: /cannot be reached/, details: { err: { message: /^(READONLY|MASTERDOWN)/ } } }]);
  await t.rejects(store.ping());
  await client.sendCommand(['REPLICAOF', 'NO', 'ONE']);
  while (
    !(await store.ping().then(
      () => true,
      () => false,
    ))
  ) {
    await sleep(10);
  }
  t.equal(await store.create(record()), true);
});
