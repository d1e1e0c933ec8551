import { statSync } from 'node:fs';
import t from 'tap';
import { LmdbEnvironment } from '../../src/stores/lmdb/environment.ts';
import { LmdbSessionStore } from '../../src/stores/lmdb/session-store.ts';
import { record, version } from '../helpers/service.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';

// 36,000 writes.

t.test('the file stops growing while as many sessions end as start', async (t) => {
  const path = temporaryDirectory(t);
  const store = new LmdbSessionStore(new LmdbEnvironment(path));
  t.teardown(() => store.close());
  const size = () => statSync(`${path}/data.mdb`).size;
  const sizes: number[] = [];
  for (let wave = 0; wave < 12; wave++) {
    const ids = Array.from({ length: 1000 }, (_, i) => `wave-${wave}-${i}`);
    await Promise.all(ids.map((id) => store.create(record({ id }))));
    await Promise.all(ids.map((id) => store.replace(record({ id, secretHash: 'next' }), version('hash'))));
    await Promise.all(ids.map((id) => store.remove(id)));
    sizes.push(size());
  }
  t.ok((sizes.at(-1) as number) <= 1.5 * (sizes[5] as number), sizes.join(' '));
});
