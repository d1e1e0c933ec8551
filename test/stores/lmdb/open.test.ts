import t from 'tap';
import { closeStores, openLmdb } from '../../../src/exports/lmdb.ts';
import { record } from '../../helpers/service.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';

t.test('openLmdb opens the stores of a directory, which it creates', async (t) => {
  const stores = await openLmdb(`${temporaryDirectory(t)}/data`);
  t.teardown(() => closeStores(stores));
  t.equal(await stores.sessions.create(record()), true);
  t.same(await stores.sessions.find('id'), record());
  t.equal(await stores.users.find('ann'), undefined);
});

t.test('a path or an option that makes no sense is a TypeError', async (t) => {
  for (const path of ['', undefined, 'lmdb:./data']) {
    await t.rejects(openLmdb(path as string), { name: 'TypeError', message: /^openLmdb: the path must be/ });
  }
  await t.rejects(openLmdb('./data', { clok: Date.now } as object), { message: /the option clok does not exist/ });
});
