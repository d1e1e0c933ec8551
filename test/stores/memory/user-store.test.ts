import t from 'tap';
import { testUserStore } from '../../../src/exports/testing.ts';
import { MemoryUserStore } from '../../../src/stores/memory/user-store.ts';

t.test('conformance', (t) => testUserStore(t.test, () => new MemoryUserStore()));
