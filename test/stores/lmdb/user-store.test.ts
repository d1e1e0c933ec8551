import t from 'tap';
import { LmdbEnvironment } from '../../../src/stores/lmdb/environment.ts';
import { LmdbUserStore } from '../../../src/stores/lmdb/user-store.ts';
import { userStoreConformance } from '../conformance.ts';

t.test('conformance', (t) =>
  userStoreConformance(t, (t) => new LmdbUserStore(new LmdbEnvironment(t.testdir({})))),
);
