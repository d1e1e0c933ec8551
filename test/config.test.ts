import { readFileSync } from 'node:fs';
import t from 'tap';
import { basePathOf, isHttps, loadConfig, parseConfig, publicOriginOf } from '../src/config.ts';
import { ConfigError } from '../src/config-files.ts';
import { parseMetrics, parsePaths, parseTrustedOrigins } from '../src/config-formats.ts';
import { Environment } from '../src/config-schema.ts';

const DEFAULTS = {
  HOST: 'localhost',
  PORT: 8080,
  PUBLIC_URL: 'http://localhost:8080',
  TRUSTED_ORIGINS: 'none',
  LISTEN: 'tcp',
  COOKIE_NAME: 'session_token',
  COOKIE_DOMAIN: 'none',
  STORE_URL: 'memory:',
  STORE_URL_FILE: 'none',
  DEMO_USERS: 'on',
  STORE_TIMEOUT_MS: 500,
  REDIS_KEY_PREFIX: 'login:',
  REDIS_WAIT_REPLICAS: 0,
  SESSION_IDLE_SECONDS: 120,
  SESSION_MAX_SECONDS: 43_200,
  SESSION_RENEWAL: 'refresh',
  SESSIONS_PER_USER: 20,
  FRESH_SECONDS: 300,
  REUSE_WINDOW_SECONDS: 10,
  DEVICE_BOUND_SESSIONS: 'off',
  BOUND_IDLE_SECONDS: 900,
  SIGNIN_FAILURES_PER_ADDRESS: 20,
  SIGNIN_FAILURES_PER_USER: 10,
  SIGNIN_FAILURE_WINDOW_SECONDS: 900,
  MAX_SESSIONS: 1_000_000,
  PASSWORD_MIN_LENGTH: 15,
  MAX_CONNECTIONS: 10_000,
  DRAIN_SECONDS: 2,
  DOCS: 'on',
  PAGES: 'on',
  SITE_NAME: 'Session-cookie login',
  SITE_LOGO: 'none',
  SITE_STYLES: 'none',
  TRUST_PROXY: 'off',
  FORWARD_AUTH_CSRF: 'on',
  FORWARD_AUTH_CSRF_EXEMPT: 'none',
  LOG_LEVEL: 'info',
  LOG_TIME: 'epoch',
  METRICS: 'off',
};

t.test('an empty environment gives the defaults, frozen', async (t) => {
  const config = parseConfig({});
  t.strictSame(config, DEFAULTS);
  t.ok(Object.isFrozen(config));
});

t.test('an empty variable counts as not set, and other variables are ignored', async (t) => {
  t.strictSame(parseConfig({ PORT: '', PUBLIC_URL: '', HOME: '/home/ann' }), DEFAULTS);
});

t.test('PUBLIC_URL follows PORT, and is an origin with or without a path', async (t) => {
  t.equal(parseConfig({ PORT: '3000' }).PUBLIC_URL, 'http://localhost:3000');
  t.equal(parseConfig({ PUBLIC_URL: 'HTTPS://Login.Example:443/' }).PUBLIC_URL, 'https://login.example');
  const below = parseConfig({ PUBLIC_URL: 'https://Example.com/a/Login-1/' });
  t.equal(below.PUBLIC_URL, 'https://example.com/a/Login-1');
  t.equal(publicOriginOf(below), 'https://example.com');
  t.equal(basePathOf(below), '/a/Login-1');
  t.equal(basePathOf(parseConfig({})), '');
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
    HOST: ['http://localhost', 'localhost/'],
    PORT: ['http', '-1', '65536', '80.5', '0x50', '8e3', ' 80', '99999999999999999999'],
    PUBLIC_URL: [
      'login.example',
      'ftp://login.example',
      'https://login.example//app',
      'https://login.example/app?x',
      'https://login.example/app#x',
      'https://login.example/ä',
      'https://login.example/a%20b',
      'https://a@b.example',
      'https://*.example',
      'https://x?',
    ],
    TRUSTED_ORIGINS: [
      '*',
      'null',
      'app.example',
      'https://*.example',
      'https://app.example,',
      'none,https://app.example',
      'https://*.co.uk',
      'https://*.co.uk.',
      'https://*.github.io',
      'https://*',
      'https://*.*.example.com',
      'https://app.*.example.com',
      'https://app*.example.com',
      'https://*.example.com/path',
      'https://*.0.0.1',
      '*.example.com',
    ],
    COOKIE_NAME: [
      'a b',
      'a=b',
      'a;b',
      'ä',
      '__Host-session',
      '__secure-session',
      '__Http-session',
      'device_token',
      'admin_device',
      'x'.repeat(65),
    ],
    COOKIE_DOMAIN: [
      'com',
      'co.uk',
      'github.io',
      'localhost',
      'internal',
      '.example.com',
      'example.com.',
      'Example.com',
      'example.com:443',
      'https://example.com',
      '127.0.0.1',
      '[::1]',
      'exa mple.com',
      'example.com; Secure',
      'müller.de',
      '*.example.com',
    ],
    FORWARD_AUTH_CSRF: ['no', 'true'],
    FORWARD_AUTH_CSRF_EXEMPT: [
      'hooks',
      '/a,',
      '/a b',
      '/a//b',
      '//a',
      '/a/../b',
      '/a/./b',
      '/a%2fb',
      '/a*',
      '/*/a',
      '/a/**',
      '/a;b',
      '/a?b',
      'https://app.example.com/a',
    ],
    STORE_URL: ['memory', 'lmdb:', 'mongodb://localhost', 'redis://', 'redis://host/zero', 'redis://host?x=1'],
    STORE_TIMEOUT_MS: ['9', '60001', '1s'],
    REDIS_KEY_PREFIX: ['a b', 'ä', 'x'.repeat(65)],
    REDIS_WAIT_REPLICAS: ['-1', '101', 'all'],
    PASSWORD_MIN_LENGTH: ['7', '257', 'long'],
    SESSION_IDLE_SECONDS: ['0', '2m', '34560001'],
    SESSION_MAX_SECONDS: ['0', '-5'],
    SESSIONS_PER_USER: ['0', '10001', 'all'],
    FRESH_SECONDS: ['0', '5m'],
    REUSE_WINDOW_SECONDS: ['0', '3601'],
    DEVICE_BOUND_SESSIONS: ['yes', 'ON'],
    BOUND_IDLE_SECONDS: ['299', '86401', '15m'],
    SIGNIN_FAILURES_PER_ADDRESS: ['0', 'off'],
    SIGNIN_FAILURES_PER_USER: ['0', '1000001'],
    SIGNIN_FAILURE_WINDOW_SECONDS: ['0', '604801'],
    MAX_SESSIONS: ['0', 'many', '16000001'],
    TRUST_PROXY: ['yes', '1', '10.0.0.0/33', '010.0.0.1', '10.1/16', '0.0.0.0/0', 'loopback,nowhere'],
    MAX_CONNECTIONS: ['9', '1000001'],
    DRAIN_SECONDS: ['-1', '3601', '2s'],
    DOCS: ['no', 'true'],
    DEMO_USERS: ['yes'],
    LOG_LEVEL: ['verbose', 'INFO'],
    LOG_TIME: ['utc', 'ISO'],
    METRICS: [
      'on',
      '65536',
      'localhost',
      'localhost:',
      ':9464',
      '::1:9464',
      '[::1]',
      'http://localhost:9464',
      '/metrics',
    ],
  };
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const scheme = /^\w+:/.exec(value)?.[0] ?? '';
      const shown = name === 'STORE_URL' || value.includes('@') ? `${scheme}…` : value;
      const start = `${name} is "${shown}": it must be `;
      const told = t.throws(() => parseConfig({ [name]: value }), ConfigError) as Error;
      t.ok(told.message.startsWith(start), told.message);
    }
  }
});

t.test('of an invalid URL that may hold a password only the scheme is reported', async (t) => {
  const urls = [
    'redis://ann:hunter2@host/x',
    'redis://ann:hunt/er2@host',
    'redis://ann:hunt#er2@host',
    'rediss://ann:hunt?er2@host',
    'redis+unix://:hunt/er2@/x?y',
    'hunter2',
  ];
  for (const STORE_URL of urls) {
    const told = t.throws(() => parseConfig({ STORE_URL }), ConfigError) as Error;
    t.match(told.message, /^STORE_URL is "([a-z+]+:)?…": it must be memory:, lmdb:/, STORE_URL);
    t.notMatch(told.message, 'er2');
  }
  const told = t.throws(() => parseConfig({ PUBLIC_URL: 'https://ann:hunter2@host' }), ConfigError) as Error;
  t.match(told.message, 'PUBLIC_URL is "https:…": it must be');
  for (const name of ['HOST', 'LISTEN', 'SITE_LOGO', 'TRUST_PROXY']) {
    for (const url of ['redis://:hunter2@host', 'redis+sentinel://host/main?sentinelPassword=hunter2']) {
      const { message } = t.throws(() => parseConfig({ [name]: url }), ConfigError) as Error;
      t.match(message, /^\w+ is "redis(\+sentinel)?:…": it must be/, name);
      t.notMatch(message, 'hunter2');
    }
  }
});

t.test('the demo users are on only where no other machine can reach the service, unless they are set', async (t) => {
  const on = [{}, { HOST: '127.0.0.1' }, { HOST: '127.9.9.9' }, { HOST: '::1' }, { NODE_ENV: 'development' }];
  for (const env of on) {
    t.equal(parseConfig(env).DEMO_USERS, 'on', JSON.stringify(env));
    t.equal(parseConfig({ ...env, DEMO_USERS: 'off' }).DEMO_USERS, 'off');
  }
  const off = [
    { HOST: '0.0.0.0' },
    { HOST: '::' },
    { HOST: 'login.internal' },
    { PUBLIC_URL: 'https://login.example' },
    { NODE_ENV: 'production' },
  ];
  for (const env of off) {
    t.equal(parseConfig(env).DEMO_USERS, 'off', JSON.stringify(env));
    t.equal(parseConfig({ ...env, DEMO_USERS: 'on' }).DEMO_USERS, 'on');
  }
});

t.test('device-bound sessions are on only with https and without a cookie domain, unless they are set', async (t) => {
  const PUBLIC_URL = 'https://login.example.com';
  for (const env of [
    { PUBLIC_URL },
    { PUBLIC_URL: 'HTTPS://Login.Example.com/a' },
    { PUBLIC_URL, COOKIE_DOMAIN: 'none' },
  ]) {
    t.equal(parseConfig(env).DEVICE_BOUND_SESSIONS, 'on', JSON.stringify(env));
    t.equal(parseConfig({ ...env, DEVICE_BOUND_SESSIONS: 'on' }).DEVICE_BOUND_SESSIONS, 'on');
    t.equal(parseConfig({ ...env, DEVICE_BOUND_SESSIONS: 'off' }).DEVICE_BOUND_SESSIONS, 'off');
  }
  for (const env of [{}, { PUBLIC_URL: 'http://login.example.com' }, { PUBLIC_URL, COOKIE_DOMAIN: 'example.com' }]) {
    t.equal(parseConfig(env).DEVICE_BOUND_SESSIONS, 'off', JSON.stringify(env));
    t.equal(parseConfig({ ...env, DEVICE_BOUND_SESSIONS: 'off' }).DEVICE_BOUND_SESSIONS, 'off');
  }
});

t.test('device-bound sessions with http or with a cookie domain are an error', async (t) => {
  const example = 'Example: DEVICE_BOUND_SESSIONS=on COOKIE_DOMAIN=none PUBLIC_URL=https://login.example.com';
  const DEVICE_BOUND_SESSIONS = 'on';
  t.throws(() => parseConfig({ DEVICE_BOUND_SESSIONS, PUBLIC_URL: 'http://login.example.com' }), {
    name: 'ConfigError',
    message:
      'DEVICE_BOUND_SESSIONS is "on" and PUBLIC_URL is "http://login.example.com": PUBLIC_URL must be an https URL, ' +
      `because browsers bind sessions only over HTTPS. ${example}`,
  });
  const PUBLIC_URL = 'https://login.example.com';
  t.throws(() => parseConfig({ DEVICE_BOUND_SESSIONS, PUBLIC_URL, COOKIE_DOMAIN: 'example.com' }), {
    name: 'ConfigError',
    message:
      'DEVICE_BOUND_SESSIONS is "on" and COOKIE_DOMAIN is "example.com": COOKIE_DOMAIN must be none, because browsers ' +
      'refresh the cookie only for the host of PUBLIC_URL. Apps on other hosts would lose it after two minutes. ' +
      example,
  });
});

t.test('all invalid values are reported at once, one per line', async (t) => {
  t.throws(() => parseConfig({ PORT: 'http', LOG_LEVEL: 'loud' }), {
    message: [
      'PORT is "http": it must be a port number from 0 to 65535, where 0 takes any free port. Example: PORT=8080',
      'LOG_LEVEL is "loud": it must be fatal, error, warn, info, debug, trace or silent. Example: LOG_LEVEL=info',
    ].join('\n'),
  });
});

t.test('METRICS is converted to an address to listen on', async (t) => {
  t.equal(parseMetrics('off'), undefined);
  t.same(parseMetrics('9464'), { host: '127.0.0.1', port: 9464 });
  t.same(parseMetrics('0.0.0.0:9464'), { host: '0.0.0.0', port: 9464 });
  t.same(parseMetrics('login-1.internal:0'), { host: 'login-1.internal', port: 0 });
  t.same(parseMetrics('[::1]:9464'), { host: '::1', port: 9464 });
});

t.test('the metrics and the service have different ports', async (t) => {
  t.throws(() => parseConfig({ METRICS: '0.0.0.0:8080' }), {
    name: 'ConfigError',
    message: 'METRICS is "0.0.0.0:8080" and PORT is 8080: the ports must differ. Example: METRICS=9464',
  });
  t.equal(parseConfig({ PORT: '0', METRICS: '0' }).METRICS, '0', 'any free port');
});

t.test('TRUSTED_ORIGINS is converted to the origins that browsers send', async (t) => {
  t.same(parseTrustedOrigins('none'), []);
  t.same(parseTrustedOrigins('HTTPS://App.Example:443/, http://localhost:3000'), [
    'https://app.example',
    'http://localhost:3000',
  ]);
  t.same(parseTrustedOrigins('HTTPS://*.Example.com:443/, http://*.localhost:3000, https://*.home.lan'), [
    'https://*.example.com',
    'http://*.localhost:3000',
    'https://*.home.lan',
  ]);
});

t.test('COOKIE_DOMAIN is the domain of PUBLIC_URL, or a domain above it, and needs https', async (t) => {
  const COOKIE_DOMAIN = 'example.com';
  for (const PUBLIC_URL of ['https://example.com', 'https://login.example.com', 'https://a.b.example.com:8443/login']) {
    t.equal(parseConfig({ PUBLIC_URL, COOKIE_DOMAIN }).COOKIE_DOMAIN, COOKIE_DOMAIN, PUBLIC_URL);
  }
  for (const PUBLIC_URL of [
    'https://login.example.org',
    'https://badexample.com',
    'https://example.com.evil.test',
    'http://login.example.com',
    'https://127.0.0.1',
    '',
  ]) {
    const told = t.throws(() => parseConfig({ PUBLIC_URL, COOKIE_DOMAIN }), ConfigError) as Error;
    t.match(
      told.message,
      /^COOKIE_DOMAIN is "example.com" and PUBLIC_URL is "http.*: PUBLIC_URL must be an https URL of /,
    );
  }
});

t.test('FORWARD_AUTH_CSRF_EXEMPT is converted to paths', async (t) => {
  t.same(parsePaths('none'), []);
  t.same(parsePaths('/callback, /hooks/*,/a/b.c/~d/,/*'), ['/callback', '/hooks/*', '/a/b.c/~d/', '/*']);
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
    folder: { '.env': {} },
    bom: { '.env': '\ufeffSTORE_URL=lmdb:./data\nPORT=3000\n' },
    latin: { '.env': Buffer.from('HOST=caf\xe9\n', 'latin1') },
    typo: { '.env': '# comment\n\nexport PORT=3000\nSTORE_URL lmdb:./data\n' },
    both: { '.env': 'KEY="-----BEGIN-----\nabc"\nSTORE_URL lmdb:./data\n' },
    multiline: { '.env': 'PORT=3000\nKEY="-----BEGIN-----\nabc\n-----END-----"\n' },
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
  process.chdir(`${directory}/bom`);
  t.match(loadConfig(), { STORE_URL: 'lmdb:./data', PORT: 3000 }, 'a byte order mark is skipped');
  process.chdir(`${directory}/multiline`);
  t.match(loadConfig(), { PORT: 3000 });
  for (const [name, message] of [
    ['folder', /^The file .*\.env cannot be read: EISDIR/],
    ['latin', /^The file .*\.env cannot be read: .*encoded data was not valid/],
    ['both', /^Line 3 of .*\.env is not NAME=VALUE and not a comment\.$/],
    ['typo', /^Line 4 of .*\.env is not NAME=VALUE and not a comment\.$/],
  ] as const) {
    process.chdir(`${directory}/${name}`);
    t.throws(() => loadConfig(), { name: 'ConfigError', message }, name);
  }
});

t.test('an empty variable of the environment leaves the value of .env', async (t) => {
  const directory = t.testdir({
    store: { '.env': 'STORE_URL=lmdb:./data\nNODE_ENV=production\n' },
    file: { '.env': 'STORE_URL_FILE=url\nSTORE_URL=\n', url: 'lmdb:./other' },
  });
  const start = process.cwd();
  t.teardown(() => process.chdir(start));
  process.chdir(`${directory}/store`);
  for (const STORE_URL of ['', undefined]) {
    t.match(loadConfig({ STORE_URL, STORE_URL_FILE: '', NODE_ENV: '' }), {
      STORE_URL: 'lmdb:./data',
      DEMO_USERS: 'off',
    });
  }
  t.equal(loadConfig({ STORE_URL: 'memory:' }).STORE_URL, 'memory:');
  t.throws(() => loadConfig({ STORE_URL_FILE: 'url' }), { message: 'STORE_URL and STORE_URL_FILE are both set.' });
  process.chdir(`${directory}/file`);
  t.equal(loadConfig({ STORE_URL: '', STORE_URL_FILE: '' }).STORE_URL, 'lmdb:./other');
  t.throws(() => loadConfig({ STORE_URL: 'lmdb:./data' }), { message: 'STORE_URL and STORE_URL_FILE are both set.' });
  t.equal(loadConfig({ STORE_URL: 'lmdb:./data', STORE_URL_FILE: 'none' }).STORE_URL, 'lmdb:./data');
});

t.test('a site name that is empty, too long or not printable is invalid', async (t) => {
  for (const SITE_NAME of ['a'.repeat(61), ' ', '\u00a0', 'a\nb', 'a\u202eb']) {
    t.throws(() => parseConfig({ SITE_NAME }), { message: /^SITE_NAME is .* must be a name with 1 to 60 printable/s });
  }
  for (const SITE_NAME of ['a', 'a'.repeat(60), '登录 – Ünïcödé 😀']) {
    t.equal(parseConfig({ SITE_NAME }).SITE_NAME, SITE_NAME);
  }
});

t.test('a file of the site that is missing, empty, too large or of another type is invalid', async (t) => {
  const folder = t.testdir({
    'logo.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
    'LOGO.PNG': 'a'.repeat(256 * 1024),
    'large.png': 'a'.repeat(256 * 1024 + 1),
    'logo.bmp': 'a',
    'logo.html': 'a',
    'empty.png': '',
    'folder.png': {},
    'styles.css': 'a'.repeat(64 * 1024),
    'large.css': 'a'.repeat(64 * 1024 + 1),
    'folder.css': {},
  });
  for (const name of ['logo.svg', 'LOGO.PNG']) {
    t.equal(parseConfig({ SITE_LOGO: `${folder}/${name}` }).SITE_LOGO, `${folder}/${name}`);
  }
  t.equal(parseConfig({ SITE_STYLES: `${folder}/styles.css` }).SITE_STYLES, `${folder}/styles.css`);
  const missing = ['missing.png', 'logo.svg/x.png', `${'a'.repeat(300)}.png`, 'a\0.png'];
  for (const name of [...missing, 'large.png', 'logo.bmp', 'logo.html', 'empty.png', 'folder.png', 'styles.css']) {
    t.throws(() => parseConfig({ SITE_LOGO: `${folder}/${name}` }), {
      name: 'ConfigError',
      message:
        /^SITE_LOGO is ".*": it must be none, or the path of an image of at most 256 KiB \(.*\)\. Example: SITE_LOGO=none$/,
    });
  }
  for (const name of ['missing.css', 'large.css', 'logo.svg', 'folder.css']) {
    t.throws(() => parseConfig({ SITE_STYLES: `${folder}/${name}` }), {
      message: /^SITE_STYLES is ".*": it must be none, or the path of a CSS file of at most 64 KiB/,
    });
  }
});

t.test('STORE_URL can be in a file, where other processes do not see its password', async (t) => {
  const dir = t.testdir({
    url: ' redis://login:secret@localhost\n',
    empty: '\n',
    latin: Buffer.from([0xe9]),
    invalid: 'secret',
  });
  const { STORE_URL, STORE_URL_FILE } = parseConfig({ STORE_URL_FILE: `${dir}/url` });
  t.equal(STORE_URL, 'redis://login:secret@localhost');
  t.equal(STORE_URL_FILE, `${dir}/url`);
  t.equal(
    parseConfig({ STORE_URL_FILE: `${dir}/url`, STORE_URL: '' }).STORE_URL,
    STORE_URL,
    'an empty variable is not set',
  );
  t.equal(parseConfig({ STORE_URL_FILE: 'none', STORE_URL }).STORE_URL, STORE_URL);
  t.equal(parseConfig({ STORE_URL_FILE: '' }).STORE_URL, 'memory:');
  const refused: Record<string, RegExp> = {
    missing: /^STORE_URL_FILE is ".*missing": the file cannot be read \(ENOENT.*\)\. Example: STORE_URL_FILE=/,
    latin: /the file cannot be read \(.*encoded data was not valid.*\)/,
    empty: /^STORE_URL_FILE is ".*empty": the file is empty\./,
    invalid: /^STORE_URL is "…": it must be memory:/,
  };
  for (const [name, message] of Object.entries(refused)) {
    t.throws(() => parseConfig({ STORE_URL_FILE: `${dir}/${name}` }), { name: 'ConfigError', message });
  }
  const urls = {
    'redis://:hunter2@host:6379': 'redis:…',
    'redis+sentinel://host/main?sentinelPassword=hunter2': 'redis+sentinel:…',
    'redis:hunter2': 'redis:…',
    '"redis://:hunter2@host"': '…',
    'ann1:hunter2@host': '…',
    ':hunter2@host:6379': '…',
  };
  for (const [url, shown] of Object.entries(urls)) {
    const told = t.throws(() => parseConfig({ STORE_URL_FILE: url }), ConfigError) as Error;
    t.equal(
      told.message,
      `STORE_URL_FILE is "${shown}": it must be the path of a file that holds the URL. Example: STORE_URL_FILE=/run/secrets/store_url`,
    );
  }
  t.throws(() => parseConfig({ STORE_URL_FILE: 'C:\\missing\\url' }), { message: /^STORE_URL_FILE is "C:.*ENOENT/ });
  t.throws(() => parseConfig({ STORE_URL_FILE: `${dir}/url`, STORE_URL }), {
    name: 'ConfigError',
    message: 'STORE_URL and STORE_URL_FILE are both set. Set only one of them.',
  });
});

t.test('the demo users are on only if the service listens on a port of this machine', async (t) => {
  t.equal(parseConfig({}).DEMO_USERS, 'on');
  t.equal(parseConfig({ LISTEN: 'systemd' }).DEMO_USERS, 'off');
  t.equal(parseConfig({ LISTEN: 'unix:/run/login.sock', TRUST_PROXY: 'unix', METRICS: '8080' }).DEMO_USERS, 'off');
});

t.test('whether it is https is said by PUBLIC_URL', async (t) => {
  t.equal(isHttps(parseConfig({ PUBLIC_URL: 'https://login.example' })), true);
  t.equal(isHttps(parseConfig({})), false);
});
