import { METHODS } from 'node:http';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import t, { type Test } from 'tap';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { Accounts } from '../../src/users/accounts.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';
import { attributesOf, NAVIGATION } from '../helpers/pages.ts';
import { exchange } from '../helpers/server-process.ts';
import { build, fakeClock, setCookies, signIn, stubStore, welcome } from '../helpers/service.ts';

const LOGIN = 'https://login.example.com';
const APP = 'https://app.example.com';
const ENV = {
  PUBLIC_URL: LOGIN,
  COOKIE_DOMAIN: 'example.com',
  TRUSTED_ORIGINS: `${APP}, https://*.apps.example.com`,
  TRUST_PROXY: 'loopback',
  LOG_LEVEL: 'info',
};
/** What browsers send when a user opens a page. */
const OPENED = {
  accept: NAVIGATION,
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-site': 'none',
};

type Headers = Record<string, string>;

/** The request that the proxy asks about. */
interface Target {
  readonly method?: string;
  readonly url?: string;
}

/** The headers of nginx. */
function original({ method = 'GET', url = `${APP}/a?b=1` }: Target = {}): Headers {
  return { 'x-original-method': method, 'x-original-url': url };
}

/** The headers of Traefik and Caddy. */
function forwarded({ method = 'GET', url = `${APP}/a?b=1` }: Target = {}): Headers {
  const [, proto = '', host = '', uri = ''] = /^(\w+):\/\/([^/]*)(.*)$/s.exec(url) ?? [];
  return { 'x-forwarded-method': method, 'x-forwarded-proto': proto, 'x-forwarded-host': host, 'x-forwarded-uri': uri };
}

const KINDS = [
  { route: '/auth-request', headersFor: original },
  { route: '/forward-auth', headersFor: forwarded },
] as const;

/** Asks both routes about the same request. */
function askBoth(app: FastifyInstance, target: Target, headers: Headers = {}, options: InjectOptions = {}) {
  return Promise.all(
    KINDS.map(async ({ route, headersFor }) => {
      const request = { ...options, url: route, headers: { ...headersFor(target), ...headers } };
      return { route, response: await app.inject(request) };
    }),
  );
}

async function statuses(app: FastifyInstance, target: Target, headers: Headers = {}) {
  return (await askBoth(app, target, headers)).map(({ response }) => response.statusCode);
}

async function codes(app: FastifyInstance, target: Target, headers: Headers = {}, options: InjectOptions = {}) {
  return (await askBoth(app, target, headers, options)).map(({ response }) => response.json().code);
}

/** The service, and the cookie of a signed-in user. */
async function start(t: Test, env: Headers = {}) {
  const log: string[] = [];
  const clock = fakeClock();
  const app = await build(t, { clock, log, env: { ...ENV, ...env } });
  const cookie = await signIn(app);
  log.length = 0;
  const lines = () => log.map((line) => JSON.parse(line));
  return { app, clock, cookie, lines };
}

const remoteHeaders = ({ headers }: LightMyRequestResponse) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('remote-')));

/** Every answer to a proxy: it is not stored, changes no cookie, and sets no policy for the host of the app. */
function assertAnswer(t: Test, response: LightMyRequestResponse): void {
  t.equal(response.headers['cache-control'], 'no-store');
  t.same(setCookies(response), []);
  t.equal(response.headers['strict-transport-security'], undefined);
}

t.test('a signed-in user may pass, and the proxy gets the name, the id and the session', async (t) => {
  const { app, cookie } = await start(t);
  const session = (await app.inject({ url: '/session', headers: { cookie } })).json();
  const forged = { 'remote-user': 'root', 'Remote-User-Id': '1', 'remote-session-id': 'x', remote_user: 'root' };
  for (const sent of [{}, forged]) {
    for (const { response } of await askBoth(app, {}, { cookie, ...sent })) {
      t.equal(response.statusCode, 200);
      t.equal(response.body, '');
      assertAnswer(t, response);
      t.match(remoteHeaders(response), {
        'remote-user': /^user1$/,
        'remote-user-id': /^[\da-f-]{36}$/,
        'remote-session-id': session.id,
      });
      t.equal(Object.keys(remoteHeaders(response)).length, 3);
    }
  }
});

t.test('names that are not ASCII are percent-encoded, and decoding gives them back', async (t) => {
  const users = new MemoryUserStore();
  const sessionStore = new MemorySessionStore();
  t.teardown(() => sessionStore.close());
  const app = await build(t, { userStore: users, sessionStore, env: ENV });
  const names = {
    'Jörg Müller': 'J%C3%B6rg M%C3%BCller',
    '100%': '100%25',
    李雷: '%E6%9D%8E%E9%9B%B7',
    'a,b;c="d"': 'a,b;c="d"',
  };
  const accounts = new Accounts({
    users,
    sessions: sessionStore,
    passwords: new PasswordHasher(),
    passwordMinLength: 15,
  });
  for (const [username, value] of Object.entries(names)) {
    await accounts.add(username, 'a horse, a battery');
    const cookie = await signIn(app, { username, password: 'a horse, a battery' });
    for (const { response } of await askBoth(app, {}, { cookie })) {
      t.equal(response.headers['remote-user'], value);
      t.equal(decodeURIComponent(String(response.headers['remote-user'])), username);
    }
  }
});

t.test('nginx gets 401 with the sign-in page, and decides itself about a redirect', async (t) => {
  const { app } = await start(t);
  for (const headers of [OPENED, { accept: '*/*' }, { 'sec-fetch-mode': 'cors' }]) {
    const response = await app.inject({ url: '/auth-request', headers: { ...original(), ...headers } });
    t.equal(response.statusCode, 401);
    t.equal(response.headers.location, `${LOGIN}/signin?next=${encodeURIComponent(`${APP}/a?b=1`)}`);
    assertAnswer(t, response);
  }
});

t.test('Traefik and Caddy get a redirect for a user who opens a page, and 401 for everything else', async (t) => {
  const { app } = await start(t);
  const ask = (headers: Headers, method = 'GET') =>
    app.inject({ url: '/forward-auth', headers: { ...forwarded({ method }), ...headers } });
  for (const [headers, method] of [
    [OPENED],
    [{ ...OPENED, accept: '*/*' }],
    [{ ...OPENED, 'sec-fetch-site': 'same-origin' }, 'POST'],
    [{ accept: NAVIGATION }],
    [{ accept: 'application/json, TEXT/HTML;q=0.1' }],
    [{ accept: 'text/html ; charset=utf-8' }],
  ] as [Headers, string?][]) {
    const response = await ask(headers, method);
    t.equal(response.statusCode, 303, JSON.stringify(headers));
    t.equal(response.headers.location, `${LOGIN}/signin?next=${encodeURIComponent(`${APP}/a?b=1`)}`);
    assertAnswer(t, response);
  }
  for (const [headers, method] of [
    [{}],
    [{ accept: '*/*' }],
    [{ accept: NAVIGATION }, 'POST'],
    [{ accept: NAVIGATION }, 'HEAD'],
    [{ accept: 'text/htmlx' }],
    [{ accept: 'text/html-x' }],
    [{ accept: 'application/json, text/html;q=0' }],
    [{ accept: 'text/html; q=0.000, */*' }],
    [{ accept: NAVIGATION, 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
    [{ accept: NAVIGATION, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
    [{ accept: NAVIGATION, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }],
    [{ accept: NAVIGATION, 'sec-fetch-mode': 'navigate' }],
    [{ accept: NAVIGATION, 'sec-fetch-dest': 'document' }],
    [{ 'sec-fetch-mode': 'websocket', 'sec-fetch-dest': 'websocket', 'sec-websocket-key': 'x' }],
  ] as [Headers, string?][]) {
    const response = await ask(headers, method);
    t.equal(response.statusCode, 401, JSON.stringify(headers));
    t.equal(response.headers.location, undefined);
    assertAnswer(t, response);
  }
});

t.test('a sign-in leads back to the page, if it may', async (t) => {
  const { app } = await start(t);
  const long = `${APP}/a?${'b'.repeat(3000)}`;
  const expected: Record<string, string> = {
    [`${APP}/a/../b?c=%2F&d=\xc3\xa4#e`]: `${APP}/b?c=%2F&d=%C3%A4#e`,
    [`${APP}//evil.test/`]: `${APP}//evil.test/`,
    [`${APP}/\\evil.test`]: `${APP}//evil.test`,
    [`${APP}/?next=https://evil.test`]: `${APP}/?next=https://evil.test`,
    'https://a.b.apps.example.com/x': 'https://a.b.apps.example.com/x',
    'https://App.Example.com:443/x': `${APP}/x`,
    [long]: `${APP}/`,
  };
  for (const [url, next] of Object.entries(expected)) {
    for (const { response } of await askBoth(app, { url }, OPENED)) {
      t.equal(new URL(String(response.headers.location)).searchParams.get('next'), next, url);
    }
  }
});

t.test('without pages there is no sign-in page to go to', async (t) => {
  const { app, cookie } = await start(t, { PAGES: 'off' });
  for (const { response } of await askBoth(app, {}, OPENED)) {
    t.equal(response.statusCode, 401);
    t.equal(response.headers.location, undefined);
    t.equal(response.json().code, 'NOT_SIGNED_IN');
  }
  t.same(await statuses(app, {}, { cookie }), [200, 200]);
});

t.test('any method is accepted, and a body is not read', async (t) => {
  const { app, cookie } = await start(t);
  const bodies = [
    {},
    { 'content-type': 'application/json' },
    { 'content-type': ';;;' },
    { 'content-type': 'text/plain', 'content-encoding': 'x' },
  ] as Headers[];
  const payload = 'x'.repeat(40_000);
  const ask = async (method: string, headers: Headers) => {
    for (const { response } of await askBoth(app, {}, { cookie, ...headers }, { method, payload } as InjectOptions)) {
      t.equal(response.statusCode, 200, `${method} ${JSON.stringify(headers)}`);
      assertAnswer(t, response);
    }
  };
  for (const headers of bodies) {
    await ask('POST', headers);
  }
  for (const method of METHODS.filter((name) => name !== 'CONNECT')) {
    await ask(method, { 'content-type': 'application/json' });
  }
  t.match((await app.inject({ method: 'PROPFIND' as 'GET', url: '/welcome' })).json(), { code: 'METHOD_NOT_ALLOWED' });
});

t.test('a preflight request is no permission to pass: CORS does not answer here', async (t) => {
  const { app, cookie } = await start(t);
  const preflight = { origin: APP, 'access-control-request-method': 'POST' };
  for (const { response } of await askBoth(app, { method: 'OPTIONS' }, preflight, { method: 'OPTIONS' })) {
    t.equal(response.statusCode, 401);
    t.equal(response.headers['access-control-allow-origin'], undefined);
  }
  for (const { response } of await askBoth(app, {}, { cookie, origin: APP })) {
    t.equal(response.headers['access-control-allow-origin'], undefined);
  }
});

t.test('only a trusted proxy may ask, and the log says what to set, once', async (t) => {
  const { app, cookie, lines } = await start(t);
  for (let i = 0; i < 3; i++) {
    const outside = { remoteAddress: '192.0.2.1' };
    t.same(
      await codes(app, {}, { cookie, 'x-forwarded-for': '127.0.0.1' }, outside),
      Array(2).fill('PROXY_NOT_TRUSTED'),
    );
  }
  t.match(lines(), [
    {
      level: 40,
      code: 'PROXY_NOT_TRUSTED',
      peer: '192.0.2.1',
      fix: 'if this is your proxy, add its address to TRUST_PROXY',
    },
  ]);
  t.equal(lines().length, 2, 'one for each route');
});

t.test('without TRUST_PROXY nobody may ask', async (t) => {
  const { app, cookie } = await start(t, { TRUST_PROXY: 'off' });
  t.same(await codes(app, {}, { cookie }), ['PROXY_NOT_TRUSTED', 'PROXY_NOT_TRUSTED']);
});

t.test('a proxy must say exactly once which request it asks about', async (t) => {
  const { app, cookie, lines } = await start(t);
  for (const { route, headersFor } of KINDS) {
    const complete = headersFor();
    for (const name of Object.keys(complete)) {
      for (const value of [undefined, '', `${complete[name]}, ${complete[name]}`]) {
        const { [name]: _, ...others } = complete;
        const headers = { ...others, cookie, ...(value !== undefined && { [name]: value }) };
        const response = await app.inject({ url: route, headers });
        t.equal(response.statusCode, 403, `${name}: ${value}`);
        t.equal(response.json().code, 'FORWARDED_HEADERS_INVALID');
        assertAnswer(t, response);
        t.same(remoteHeaders(response), {});
      }
    }
    const others = KINDS.filter((kind) => kind.route !== route).map((kind) => kind.headersFor());
    const response = await app.inject({ url: route, headers: { cookie, ...others[0] } });
    t.equal(response.json().code, 'FORWARDED_HEADERS_INVALID', 'the headers of the other route do not count');
  }
  t.match(lines(), [
    { code: 'FORWARDED_HEADERS_INVALID', fix: /^set X-Original-Method, and X-Original-URL to the full URL, each once/ },
    {
      code: 'FORWARDED_HEADERS_INVALID',
      fix: /set X-Forwarded-Method, X-Forwarded-Proto, X-Forwarded-Host and X-Forwarded-Uri, /,
    },
  ]);
});

t.test('the app must be in TRUSTED_ORIGINS, and the log names one that is not', async (t) => {
  const { app, cookie, lines } = await start(t);
  let clients = 0;
  for (const origin of [
    'https://evil.test',
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://app.example.com.',
    'https://apps.example.com',
    'https://x.example.com',
    LOGIN,
  ]) {
    t.same(await codes(app, { url: `${origin}/` }, { cookie }), ['TARGET_NOT_TRUSTED', 'TARGET_NOT_TRUSTED'], origin);
    const client = { 'x-forwarded-for': `192.0.2.${++clients}` };
    t.same(await codes(app, { url: `${origin}/` }, client), ['TARGET_NOT_TRUSTED', 'TARGET_NOT_TRUSTED']);
  }
  const line = { code: 'TARGET_NOT_TRUSTED', origin: 'https://evil.test', fix: /TRUSTED_ORIGINS/ };
  t.match(lines(), [line, line]);
  t.equal(lines().length, 2, 'one for each route, also for clients with different addresses');
});

t.test('if a proxy asks about the login service itself, the log says what to change', async (t) => {
  const { app, lines } = await start(t);
  t.same(await codes(app, { url: `${LOGIN}/signin` }), ['TARGET_NOT_TRUSTED', 'TARGET_NOT_TRUSTED']);
  t.match(lines()[0], {
    origin: LOGIN,
    fix: /^this is PUBLIC_URL: pass requests for the login service on without asking/,
  });
});

/** Requests that a page of another site makes the browser send. */
const FORGED: Headers[] = [
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
  { 'sec-fetch-site': 'cross-site', origin: 'https://evil.test' },
  { 'sec-fetch-site': 'x' },
  { origin: 'https://evil.test' },
  { origin: 'https://x.example.com' },
  { origin: 'http://app.example.com' },
  { origin: 'null' },
];
/** Requests of the app, of a trusted origin, and of programs. */
const GENUINE: Headers[] = [
  { 'sec-fetch-site': 'same-origin', origin: APP },
  { 'sec-fetch-site': 'same-origin' },
  { 'sec-fetch-site': 'none' },
  { origin: APP },
  { origin: 'https://a.apps.example.com', 'sec-fetch-site': 'same-site' },
  {},
];

t.test('a request that another site makes a browser send does not reach the app', async (t) => {
  const { app, cookie, lines } = await start(t);
  const [forged = {}] = FORGED;
  const [genuine = {}] = GENUINE;
  for (const headers of FORGED) {
    const told = JSON.stringify(headers);
    t.same(await codes(app, { method: 'POST' }, { cookie, ...headers }), Array(2).fill('CROSS_ORIGIN_REFUSED'), told);
  }
  for (const headers of GENUINE) {
    t.same(await statuses(app, { method: 'POST' }, { cookie, ...headers }), [200, 200], JSON.stringify(headers));
  }
  for (const method of ['PUT', 'PATCH', 'DELETE', 'PROPFIND', 'post', 'X']) {
    t.same(await statuses(app, { method }, { cookie, ...forged }), [403, 403], method);
    t.same(await statuses(app, { method }, { cookie, ...genuine }), [200, 200], method);
  }
  t.match(lines()[0], { event: 'malicious_csrf', target: APP });
  for (const method of ['GET', 'HEAD', 'OPTIONS']) {
    t.same(await statuses(app, { method }, { cookie, ...forged }), [200, 200], method);
  }
});

t.test('a WebSocket of another site is refused, and one of the app is not', async (t) => {
  const { app, cookie } = await start(t);
  const handshakes = [
    { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' },
    // Over HTTP/2 there is no key.
    { 'sec-websocket-version': '13' },
    { 'sec-fetch-mode': 'websocket' },
    { upgrade: 'WebSocket' },
  ] as Headers[];
  for (const handshake of handshakes) {
    for (const headers of FORGED) {
      const told = JSON.stringify({ ...handshake, ...headers });
      t.same(await statuses(app, {}, { cookie, ...handshake, ...headers }), [403, 403], told);
    }
    for (const headers of GENUINE) {
      const told = JSON.stringify({ ...handshake, ...headers });
      t.same(await statuses(app, {}, { cookie, ...handshake, ...headers }), [200, 200], told);
    }
  }
});

t.test('paths can be exempted from that, and the session is required all the same', async (t) => {
  const { app, cookie } = await start(t, { FORWARD_AUTH_CSRF_EXEMPT: '/callback, /hooks/*' });
  const [headers = {}] = FORGED;
  const post = (path: string, sent: Headers) => statuses(app, { method: 'POST', url: `${APP}${path}` }, sent);
  for (const path of ['/callback', '/callback?code=x', '/hooks/', '/hooks/a/b?c=/../d']) {
    t.same(await post(path, { cookie, ...headers }), [200, 200], path);
    t.same(await post(path, headers), [401, 401], path);
  }
  for (const path of [
    '/',
    '/callback/',
    '/callback/a',
    '/Callback',
    '/hooks',
    '/hooksx',
    '/hooks/../admin',
    '/hooks/%2e%2e/admin',
    '/hooks/..%2fadmin',
    '/hooks/..;/admin',
    '/hooks//admin',
    '/hooks/..\\admin',
    '/admin/../hooks/a',
    '//hooks/a',
  ]) {
    t.same(await post(path, { cookie, ...headers }), [403, 403], path);
  }
});

t.test('FORWARD_AUTH_CSRF=off leaves that to the app', async (t) => {
  const { app, cookie } = await start(t, { FORWARD_AUTH_CSRF: 'off' });
  for (const headers of FORGED) {
    t.same(await statuses(app, { method: 'POST' }, { cookie, ...headers }), [200, 200]);
    t.same(await statuses(app, { method: 'POST' }, headers), [401, 401]);
  }
});

t.test('errors that a proxy passes to a browser are pages with absolute URLs', async (t) => {
  const { app, cookie } = await start(t);
  const [forged] = FORGED;
  const headers = { ...forwarded({ method: 'POST' }), cookie, accept: NAVIGATION, ...forged };
  const response = await app.inject({ url: '/forward-auth', headers });
  t.equal(response.statusCode, 403);
  assertAnswer(t, response);
  t.match(response.headers, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src ${LOGIN}; img-src ${LOGIN}; form-action 'none'; frame-ancestors 'none'; base-uri 'none'`,
  });
  const links = [...response.body.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, link = '']) => link);
  t.equal(links.length, 2, 'styles and icon');
  for (const link of links) {
    t.ok(link.startsWith(`${LOGIN}/`), link);
    const { statusCode, headers } = await app.inject({
      url: link.slice(LOGIN.length),
      headers: { cookie, accept: NAVIGATION },
    });
    t.equal(statusCode, 200, link);
    if (link.includes('/assets/')) {
      t.equal(headers['cross-origin-resource-policy'], 'same-site', 'apps of the domain may load it');
    }
  }
  t.notMatch(response.body, '<script');
});

t.test('a session that ends is refused at once, and one that is used lives on with renewal by activity', async (t) => {
  const { app, clock, cookie } = await start(t, { SESSION_RENEWAL: 'activity' });
  for (let i = 0; i < 10; i++) {
    clock.advance(60_000);
    t.same(await statuses(app, {}, { cookie }), [200, 200]);
  }
  t.equal(await welcome(app, cookie), 200);
  await app.inject({ method: 'POST', url: '/logout', headers: { cookie } });
  t.same(await statuses(app, {}, { cookie }), [401, 401]);
  const next = await signIn(app);
  clock.advance(120_000);
  t.same(await statuses(app, {}, { cookie: next }), [401, 401]);
});

t.test('a parallel burst of requests renews a session once per tenth of the idle time', async (t) => {
  const clock = fakeClock();
  const memory = new MemorySessionStore({ clock });
  t.teardown(() => memory.close());
  let writes = 0;
  const sessionStore = stubStore(memory, {
    replace: (next, version) => {
      writes++;
      return memory.replace(next, version);
    },
  });
  const app = await build(t, { clock, sessionStore, env: { ...ENV, SESSION_RENEWAL: 'activity' } });
  const cookie = await signIn(app);
  for (const expected of [1, 2, 3]) {
    clock.advance(12_000);
    await Promise.all(Array.from({ length: 10 }, () => statuses(app, {}, { cookie })));
    t.equal(writes, expected);
  }
});

t.test('an outage of the store is 503, and nobody is signed out', async (t) => {
  const memory = new MemorySessionStore();
  t.teardown(() => memory.close());
  let isDown = false;
  const sessionStore = stubStore(memory, {
    find: (id) => (isDown ? Promise.reject(new Error('down')) : memory.find(id)),
  });
  const app = await build(t, { sessionStore, env: { ...ENV, LOG_LEVEL: 'silent' } });
  const cookie = await signIn(app);
  isDown = true;
  for (const headers of [{ cookie }, { cookie, ...OPENED }]) {
    for (const { response } of await askBoth(app, {}, headers)) {
      t.equal(response.statusCode, 503);
      t.equal(response.headers['retry-after'], '1');
      t.equal(response.headers.location, undefined);
      assertAnswer(t, response);
    }
  }
  t.same(await statuses(app, {}), [401, 401], 'without a token nothing is looked up');
  isDown = false;
  t.same(await statuses(app, {}, { cookie }), [200, 200]);
});

t.test('a proxy that protects the sign-in page itself causes no endless redirect', async (t) => {
  const site = 'https://example.com';
  const { app, lines } = await start(t, { PUBLIC_URL: `${site}/login`, COOKIE_DOMAIN: 'none', TRUSTED_ORIGINS: site });
  for (const { response } of await askBoth(app, { url: `${site}/login/signin?next=x` }, { ...OPENED, accept: '*/*' })) {
    t.equal(response.statusCode, 401);
    t.equal(response.headers.location, undefined);
  }
  t.match(lines()[0], { code: 'SIGN_IN_PAGE_PROTECTED', page: `${site}/login/signin` });
  for (const { response } of await askBoth(app, { url: `${site}/app` }, OPENED)) {
    t.equal(response.headers.location, `${site}/login/signin?next=${encodeURIComponent(`${site}/app`)}`);
  }
});

t.test('the log says if browsers do not send the cookie to the app', async (t) => {
  const plain = 'http://app.example.com';
  for (const [env, origin] of [
    [{ COOKIE_DOMAIN: 'none' }, APP],
    [{ TRUSTED_ORIGINS: plain }, plain],
  ] as [Headers, string][]) {
    const { app, lines } = await start(t, env);
    t.same(await statuses(app, { url: `${origin}/` }, { accept: '*/*' }), [401, 401]);
    t.match(lines()[0], { code: 'APP_WITHOUT_COOKIE', origin, publicUrl: LOGIN, fix: /COOKIE_DOMAIN/ });
    t.equal(lines().length, 2, 'one for each route');
  }
  const { app, lines } = await start(t);
  t.same(await statuses(app, {}), [401, 401]);
  t.same(lines(), []);
});

t.test('nginx gets errors as JSON, also if the browser accepts HTML', async (t) => {
  const { app, cookie } = await start(t);
  const headers = { ...original({ method: 'POST' }), ...OPENED };
  for (const sent of [{}, { cookie, 'sec-fetch-site': 'cross-site' }] as Headers[]) {
    const response = await app.inject({ url: '/auth-request', headers: { ...headers, ...sent } });
    t.equal(response.json().statusCode, response.statusCode);
  }
});

t.test('in a frame, the error page links to the sign-in page, which leads back', async (t) => {
  const { app } = await start(t);
  const headers = { ...forwarded(), accept: NAVIGATION, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' };
  const response = await app.inject({ url: '/forward-auth', headers });
  t.equal(response.statusCode, 401);
  const { href = '' } = attributesOf(response, 'a');
  t.equal(new URL(href).searchParams.get('next'), `${APP}/a?b=1`);
});

t.test('the headers of a request may have 32 KiB', async (t) => {
  const { app, cookie } = await start(t);
  const port = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
  for (const { route, headersFor } of KINDS) {
    const ask = (bytes: number) => {
      const headers = { ...headersFor({ url: `${APP}/a?${'b'.repeat(bytes)}` }), cookie };
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      return exchange(port, `GET ${route} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines.join('')}\r\n`);
    };
    t.match(await ask(30_000), /^HTTP\/1.1 200 /);
    t.match(await ask(33_000), /^HTTP\/1.1 431 /);
  }
});

t.test('several session cookies of a domain count as one sign-in only if one is live', async (t) => {
  const { app, cookie } = await start(t);
  const [name] = cookie.split('=');
  const foreign = `${name}=${'a'.repeat(22)}.${'b'.repeat(43)}`;
  t.same(await statuses(app, {}, { cookie: `${foreign}; ${cookie}` }), [200, 200]);
  const second = await signIn(app);
  const [nginx, traefik] = await askBoth(app, {}, { cookie: `${cookie}; ${second}`, ...OPENED });
  t.equal(nginx?.response.statusCode, 401);
  t.equal(traefik?.response.statusCode, 303);
});
