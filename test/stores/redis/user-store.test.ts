import { randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import { testUserStore } from '../../../src/exports/testing.ts';
import { RedisUserStore } from '../../../src/stores/redis/user-store.ts';
import { encode } from '../../../src/stores/redis/values.ts';
import { newUser } from '../../../src/users/user-store.ts';
import { startRedis } from '../../helpers/redis-server.ts';
import { connect } from './connect.ts';

t.test('conformance', async (t) => {
  const redis = await startRedis(t);
  if (redis) {
    const open = async () => new RedisUserStore(await connect(redis, { keyPrefix: `${randomUUID()}*:` }));
    await testUserStore(t.test, open);
  }
});

const ANN = newUser('ann', '$hash', 1);

/** A store that contains a user as another version of the service wrote it. */
async function storeWith(t: Test, stored: object) {
  const redis = await startRedis(t);
  if (redis === undefined) {
    return;
  }
  const connection = await connect(redis);
  const store = new RedisUserStore(connection);
  t.teardown(() => store.close());
  const text = encode(ANN.version, stored);
  await connection.client.set('test:user:ann', text);
  return { store, text, read: () => connection.client.get('test:user:ann') };
}

t.test('a user without a schema is read, and replaced with one', async (t) => {
  const { schema: _, version, ...old } = ANN;
  const opened = await storeWith(t, old);
  if (opened === undefined) {
    return;
  }
  const { store, read } = opened;
  t.strictSame(await store.find('ann'), ANN);
  t.equal(await store.replace({ ...ANN, version: 'next' }, version), true);
  t.match(await read(), '"schema":1');
});

t.test('a user with a newer schema is neither used nor overwritten', async (t) => {
  const { version: _, ...rest } = ANN;
  const opened = await storeWith(t, { ...rest, schema: 2, more: 'fields' });
  if (opened === undefined) {
    return;
  }
  const { store, read, text } = opened;
  const message = /newer version \(schema 2\); this version reads 1/;
  await t.rejects(store.find('ann'), { message });
  await t.rejects(async () => store.replace({ ...ANN, version: 'next' }, ANN.version), { message });
  await t.rejects(async () => {
    for await (const _ of store.list()) {
      // The first record must throw.
    }
  }, message);
  t.equal(await store.create(ANN), false);
  t.equal(await read(), text);
});
