import { readFileSync } from 'node:fs';
import t from 'tap';
import { ConfigError, Environment, loadConfig, parseConfig, parseTrustProxy } from '../src/config.ts';

const DEFAULTS = {
  HOST: 'localhost',
  PORT: 8080,
  PUBLIC_URL: 'http://localhost:8080',
  STORE_URL: 'memory:',
  STORE_TIMEOUT_MS: 500,
  REDIS_KEY_PREFIX: 'login:',
  SESSION_IDLE_SECONDS: 120,
  SESSION_MAX_SECONDS: 43_200,
  SESSIONS_PER_USER: 20,
  FRESH_SECONDS: 300,
  REUSE_WINDOW_SECONDS: 10,
  SIGNIN_FAILURES_PER_ADDRESS: 20,
  SIGNIN_FAILURES_PER_USER: 10,
  SIGNIN_FAILURE_WINDOW_SECONDS: 900,
  MAX_SESSIONS: 1_000_000,
  PASSWORD_MIN_LENGTH: 15,
  TRUST_PROXY: 'off',
  LOG_LEVEL: 'info',
};

t.test('an empty environment gives the defaults, frozen', async (t) => {
  const config = parseConfig({});
  t.strictSame(config, DEFAULTS);
  t.ok(Object.isFrozen(config));
});

t.test('an empty variable counts as not set, and other variables are ignored', async (t) => {
  t.strictSame(parseConfig({ PORT: '', PUBLIC_URL: '', HOME: '/home/ann' }), DEFAULTS);
});

t.test('PUBLIC_URL follows PORT, and is an origin', async (t) => {
  t.equal(parseConfig({ PORT: '3000' }).PUBLIC_URL, 'http://localhost:3000');
  t.equal(parseConfig({ PUBLIC_URL: 'HTTPS://Login.Example:443/' }).PUBLIC_URL, 'https://login.example');
});

t.test('a wrong PORT is reported alone, without the PUBLIC_URL derived from it', async (t) => {
  const told = t.throws(() => parseConfig({ PORT: '99999' }), ConfigError) as Error;
  t.notMatch(told.message, 'PUBLIC_URL');
});

t.test('valid values are accepted', async (t) => {
  const env = {
    HOST: '0.0.0.0',
    PORT: '0',
    SESSION_IDLE_SECONDS: '1',
    SESSION_MAX_SECONDS: '34560000',
    MAX_SESSIONS: '1',
    TRUST_PROXY: '10.0.0.0/8, ::1',
    LOG_LEVEL: 'silent',
  };
  t.match(parseConfig(env), {
    ...env,
    PORT: 0,
    SESSION_IDLE_SECONDS: 1,
    SESSION_MAX_SECONDS: 34_560_000,
    MAX_SESSIONS: 1,
  });
});

t.test('an invalid value is reported with its name, its value and what is allowed', async (t) => {
  const wrong = {
    PORT: ['http', '-1', '65536', '80.5', '0x50', '8e3', ' 80', '99999999999999999999'],
    PUBLIC_URL: [
      'login.example',
      'ftp://login.example',
      'https://login.example/app',
      'https://a@b.example',
      'https://x?',
    ],
    STORE_URL: ['memory', 'lmdb:', 'mongodb://localhost', 'redis://', 'redis://host/zero', 'redis://host?x=1'],
    STORE_TIMEOUT_MS: ['9', '60001', '1s'],
    REDIS_KEY_PREFIX: ['a b', 'ä', 'x'.repeat(65)],
    PASSWORD_MIN_LENGTH: ['7', '257', 'long'],
    SESSION_IDLE_SECONDS: ['0', '2m', '34560001'],
    SESSION_MAX_SECONDS: ['0', '-5'],
    SESSIONS_PER_USER: ['0', '10001', 'all'],
    FRESH_SECONDS: ['0', '5m'],
    REUSE_WINDOW_SECONDS: ['0', '3601'],
    SIGNIN_FAILURES_PER_ADDRESS: ['0', 'off'],
    SIGNIN_FAILURES_PER_USER: ['0', '1000001'],
    SIGNIN_FAILURE_WINDOW_SECONDS: ['0', '604801'],
    MAX_SESSIONS: ['0', 'many', '16000001'],
    TRUST_PROXY: ['yes', '1', '10.0.0.0/33', 'loopback,nowhere'],
    LOG_LEVEL: ['verbose', 'INFO'],
  };
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const start = `${name} is "${value.replace('a@', '***@')}": it must be `;
      const told = t.throws(() => parseConfig({ [name]: value }), ConfigError) as Error;
      t.ok(told.message.startsWith(start), told.message);
    }
  }
});

t.test('an invalid STORE_URL is reported without its password', async (t) => {
  const told = t.throws(() => parseConfig({ STORE_URL: 'redis://ann:hunter2@host/x' }), ConfigError) as Error;
  t.match(told.message, 'STORE_URL is "redis://***@host/x": it must be memory:, lmdb:');
  t.notMatch(told.message, 'hunter2');
});

t.test('all invalid values are reported at once, one per line', async (t) => {
  t.throws(() => parseConfig({ PORT: 'http', LOG_LEVEL: 'loud' }), {
    message: [
      'PORT is "http": it must be a port number from 0 to 65535, where 0 takes any free port. Example: PORT=8080',
      'LOG_LEVEL is "loud": it must be fatal, error, warn, info, debug, trace or silent. Example: LOG_LEVEL=info',
    ].join('\n'),
  });
});

t.test('TRUST_PROXY is converted to the option of Fastify', async (t) => {
  t.equal(parseTrustProxy('off'), false);
  t.equal(parseTrustProxy('false'), false);
  t.equal(parseTrustProxy('on'), true);
  t.equal(parseTrustProxy('true'), true);
  t.equal(parseTrustProxy('loopback, 10.1.0.0/16'), 'loopback, 10.1.0.0/16');
  t.throws(() => parseTrustProxy('2'), TypeError);
  t.throws(() => parseTrustProxy('nobody'), TypeError);
});

t.test('.env.example lists every variable in the order of the schema, with its default', async (t) => {
  const text = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');
  const settings = [...text.matchAll(/^#([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value] as const);
  t.same(
    settings.map(([name]) => name),
    Object.keys(Environment.properties),
  );
  t.strictSame(parseConfig(Object.fromEntries(settings)), DEFAULTS);
});

t.test('the .env of the working directory is read, and the environment wins over it', async (t) => {
  const directory = t.testdir({
    with: { '.env': 'PORT=3000\nLOG_LEVEL=warn\n' },
    without: {},
    wrong: { '.env': {} },
  });
  const start = process.cwd();
  t.teardown(() => {
    process.chdir(start);
    delete process.env.LOG_LEVEL;
  });
  process.env.LOG_LEVEL = 'error';
  process.chdir(`${directory}/with`);
  t.match(loadConfig(), { PORT: 3000, LOG_LEVEL: 'error' });
  process.chdir(`${directory}/without`);
  t.match(loadConfig(), { PORT: 8080, LOG_LEVEL: 'error' });
  process.chdir(`${directory}/wrong`);
  t.throws(() => loadConfig(), { code: 'EISDIR' }, 'a .env that cannot be read is no reason to go on without it');
});
