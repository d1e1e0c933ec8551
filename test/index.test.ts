import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import * as lmdb from '../src/exports/lmdb.ts';
import * as login from '../src/exports/login.ts';
import * as redis from '../src/exports/redis.ts';
import * as service from '../src/exports/service.ts';
import * as testing from '../src/exports/testing.ts';
import * as root from '../src/index.ts';

t.test('the entry modules export these values', async (t) => {
  t.same(Object.keys(root), [
    'BoundSessionRequired',
    'CrossOriginRefused',
    'DeviceKeyRefused',
    'DeviceProofRequired',
    'MemorySessionStore',
    'NoSuchSession',
    'ReauthenticationRequired',
    'SessionNotRefreshed',
    'SeveralSessionCookies',
    'StoreFull',
    'StoreUnavailable',
    'Unauthenticated',
    'crossOriginGuard',
    'optionalSession',
    'refuseCrossOrigin',
    'requireBoundSession',
    'requireRecentSignIn',
    'requireSession',
    'sessions',
  ]);
  t.same(Object.keys(login), [
    'InvalidCredentials',
    'MemoryUserStore',
    'NewPasswordRefused',
    'PasswordExpired',
    'PasswordHasher',
    'PasswordLinkInvalid',
    'SignInBusy',
    'TooManyFailures',
    'WrongPassword',
    'createPasswordLink',
    'login',
    'loginRoutes',
    'newUser',
    'newVersion',
    'usernameKey',
  ]);
  t.same(Object.keys(lmdb), ['StoreOpenError', 'closeStores', 'openLmdb']);
  t.same(Object.keys(redis), ['StoreOpenError', 'closeStores', 'openRedis']);
  t.same(Object.keys(service), [
    'ConfigError',
    'StoreOpenError',
    'closeStores',
    'fastifyOptions',
    'listenForMetrics',
    'loadConfig',
    'openStores',
    'parseConfig',
    'service',
  ]);
  t.same(Object.keys(testing), ['testFailureCounter', 'testSessionStore', 'testUserStore']);
});

t.test('package.json exports each entry module, and nothing else but itself', async (t) => {
  const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const names = readdirSync(new URL('../src/exports', import.meta.url)).map((file) => file.replace('.ts', ''));
  const expected = {
    '.': { types: './dist/index.d.ts', default: './dist/index.js' },
    './package.json': './package.json',
    // For browsers.
    './client': { types: './dist/pages/browser/session.d.ts', default: './dist/pages/browser/session.js' },
    ...Object.fromEntries(
      names.map((name) => [
        `./${name}`,
        { types: `./dist/exports/${name}.d.ts`, default: `./dist/exports/${name}.js` },
      ]),
    ),
  };
  t.same(exports, expected);
});
