import t from 'tap';
import * as errors from '../src/errors.ts';
import * as api from '../src/index.ts';

t.test('the package exports the plugins, the stores, the hasher and the error catalogue', async (t) => {
  const others = [
    'MemorySessionStore',
    'MemoryUserStore',
    'PasswordHasher',
    'StoreOpenError',
    'closeStores',
    'crossOriginGuard',
    'newUser',
    'newVersion',
    'openStores',
    'sessions',
    'login',
    'loginRoutes',
  ];
  t.same(Object.keys(api).sort(), [...Object.keys(errors), ...others].sort());
});
