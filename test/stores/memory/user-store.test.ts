import t from 'tap';
import { MemoryUserStore } from '../../../src/stores/memory/user-store.ts';
import { userStoreConformance } from '../conformance.ts';

t.test('conformance', (t) => userStoreConformance(t, () => new MemoryUserStore()));
