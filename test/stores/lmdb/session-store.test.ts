import t, { type Test } from 'tap';
import { LmdbEnvironment } from '../../../src/stores/lmdb/environment.ts';
import { LmdbSessionStore } from '../../../src/stores/lmdb/session-store.ts';
import { sessionStoreConformance } from '../conformance.ts';

const open = (t: Test) => new LmdbSessionStore(new LmdbEnvironment(t.testdir({})));

t.test('conformance', (t) => sessionStoreConformance(t, open));
