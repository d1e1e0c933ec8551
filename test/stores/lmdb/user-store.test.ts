import t, { type Test } from 'tap';
import { StoreUnavailable } from '../../../src/errors.ts';
import { testUserStore } from '../../../src/exports/testing.ts';
import { encodeKey } from '../../../src/stores/engine.ts';
import { LmdbEnvironment } from '../../../src/stores/lmdb/environment.ts';
import { LmdbUserStore } from '../../../src/stores/lmdb/user-store.ts';
import { timeBoundUserStore } from '../../../src/stores/time-bound.ts';
import { newUser } from '../../../src/users/user-store.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';

t.test('conformance', (t) =>
  testUserStore(t.test, () => new LmdbUserStore(new LmdbEnvironment(temporaryDirectory(t)))),
);

const ANN = newUser('ann', '$hash', 1);

/** A store that contains a user as another version of the service wrote it. */
async function storeWith(t: Test, stored: object) {
  const environment = new LmdbEnvironment(t.testdir({}));
  const store = new LmdbUserStore(environment);
  t.teardown(() => store.close());
  const table = environment.table<object>('users');
  await table.put(encodeKey('ann'), stored);
  return { store, read: () => environment.read(() => table.get(encodeKey('ann'))) };
}

t.test('a user without a schema is read, and replaced with one', async (t) => {
  const { schema: _, ...old } = ANN;
  const { store, read } = await storeWith(t, old);
  t.strictSame(store.find('ann'), ANN);
  t.equal(await store.replace({ ...ANN, version: 'next' }, ANN.version), true);
  t.strictSame(read(), { ...ANN, version: 'next' });
});

t.test('a user with a newer schema is neither used nor overwritten', async (t) => {
  const newer = { ...ANN, schema: 2, more: 'fields' };
  const { store, read } = await storeWith(t, newer);
  const message = /newer version \(schema 2\); this version reads 1/;
  t.throws(() => store.find('ann'), { message });
  t.throws(() => timeBoundUserStore(store, 1000).find('ann'), StoreUnavailable, 'a 503 for the client');
  await t.rejects(store.replace({ ...ANN, version: 'next' }, ANN.version), { message });
  await t.rejects(store.list().next(), { message });
  t.equal(await store.create(ANN), false);
  t.strictSame(read(), newer);
});
