import t from 'tap';
import * as api from '../src/index.ts';
import { crossOriginGuard } from '../src/plugins/cross-origin-guard.ts';
import { sessions } from '../src/plugins/sessions.ts';
import { MemorySessionStore } from '../src/stores/memory-session-store.ts';

t.test('the package exports the plugins, the store and the error catalogue', async (t) => {
  t.match(api, {
    sessions,
    crossOriginGuard,
    MemorySessionStore,
    NotSignedIn: Function,
    StoreUnavailable: Function,
  });
});
