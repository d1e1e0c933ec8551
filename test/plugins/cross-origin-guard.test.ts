import Fastify, { type FastifyInstance } from 'fastify';
import t from 'tap';
import { crossOriginGuard, refuseCrossOrigin } from '../../src/plugins/cross-origin-guard.ts';
import { build, signIn, USER1, welcome } from '../helpers/service.ts';

const HOST = 'localhost:8080';

const allowed = [
  {},
  { 'sec-fetch-site': 'same-origin' },
  { 'sec-fetch-site': 'none' },
  { 'sec-fetch-site': 'same-origin', origin: 'https://other.example' },
  { 'sec-fetch-site': 'same-origin', origin: 'null' },
  { origin: `http://${HOST}` },
  { origin: `https://${HOST}` },
  { origin: 'http://localhost:8080', host: 'LocalHost:8080' },
  { origin: '' },
  { origin: 'https://login.example' },
];

const refused = [
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
  { 'sec-fetch-site': 'same-site', origin: `http://${HOST}` },
  { 'sec-fetch-site': 'cross-site', origin: 'https://login.example' },
  { 'sec-fetch-site': 'nonsense' },
  { origin: 'https://other.example' },
  { origin: 'null' },
  { origin: 'http://localhost:8081' },
  { origin: 'http://localhost' },
  { origin: 'http://login.example' },
  { origin: 'https://login.example.evil.example' },
  { origin: 'not an origin' },
];

const stateChanging = [
  { method: 'POST', url: '/signin', payload: USER1 },
  { method: 'POST', url: '/refresh' },
  { method: 'POST', url: '/logout' },
  { method: 'GET', url: '/logout' },
  { method: 'DELETE', url: '/sessions' },
] as const;

for (const request of stateChanging) {
  t.test(`${request.method} ${request.url} is for our own pages and for what is no browser (ASVS 3.5.1)`, async (t) => {
    const app = await build(t, { env: { PUBLIC_URL: 'https://login.example' } });
    const cookie = await signIn(app);
    for (const headers of refused) {
      const response = await app.inject({ ...request, headers: { host: HOST, cookie, ...headers } });
      t.equal(response.statusCode, 403, JSON.stringify(headers));
      t.equal(response.json().code, 'CROSS_ORIGIN_REFUSED');
    }
    t.equal(await welcome(app, cookie), 200, 'and what it refused ended nothing');
    for (const headers of allowed) {
      const own = { host: HOST, cookie: await signIn(app), ...headers };
      const response = await app.inject({ ...request, headers: own });
      t.equal(response.statusCode, 200, JSON.stringify(headers));
    }
  });
}

t.test('reading is for everybody', async (t) => {
  const app = await build(t);
  const cookie = await signIn(app);
  const headers = { cookie, 'sec-fetch-site': 'cross-site', origin: 'https://other.example' };
  t.equal((await app.inject({ url: '/welcome', headers })).statusCode, 200);
  t.equal((await app.inject({ url: '/docs/json', headers })).statusCode, 200);
});

t.test('behind a trusted proxy its X-Forwarded-Host counts, and from anybody else it does not', async (t) => {
  const headers = { host: 'inside:3000', 'x-forwarded-host': 'shop.example', origin: 'https://shop.example' };
  const signin = { method: 'POST', url: '/signin', payload: USER1, headers } as const;
  const behind = await build(t, { env: { TRUST_PROXY: 'loopback' } });
  t.equal((await behind.inject(signin)).statusCode, 200);
  t.equal((await behind.inject({ ...signin, remoteAddress: '203.0.113.9' })).statusCode, 403);
  const bare = await build(t);
  t.equal((await bare.inject(signin)).statusCode, 403);
});

t.test('a refusal is logged with who asked, as a thing to know about', async (t) => {
  const log: string[] = [];
  const app = await build(t, { log, env: { LOG_LEVEL: 'info' } });
  await app.inject({ method: 'POST', url: '/signin', headers: { origin: 'https://other.example' } });
  t.match(JSON.parse(log.at(-1) ?? '{}'), {
    level: 40,
    msg: 'cross-origin request refused',
    origin: 'https://other.example',
    event: 'malicious_csrf',
    address: '127.0.0.1',
  });
});

t.test('a browser that says nothing of itself is served (ASVS 3.7.5)', async (t) => {
  const app = await build(t);
  const old = { 'user-agent': 'Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko' };
  const cookie = await signIn(app, USER1, old);
  t.equal(await welcome(app, cookie), 200);
  const left = await app.inject({ method: 'POST', url: '/logout', headers: { ...old, cookie } });
  t.equal(left.statusCode, 200);
});

t.test('the default port may be left out of Host and of Origin', async (t) => {
  const app = await build(t);
  for (const [host, origin, status] of [
    ['x:443', 'https://x', 200],
    ['x', 'https://x', 200],
    ['x:80', 'http://x', 200],
    ['X:443', 'https://x', 200],
    ['x:443', 'http://x', 403],
    ['x:8443', 'https://x', 403],
    ['a b', 'https://x', 403],
  ] as const) {
    const response = await app.inject({ method: 'POST', url: '/signin', payload: USER1, headers: { host, origin } });
    t.equal(response.statusCode, status, `${host} ${origin}`);
  }
});

t.test('an Origin of null is refused, and the log says which page sends it', async (t) => {
  const log: string[] = [];
  const app = await build(t, { log, env: { LOG_LEVEL: 'warn' } });
  const response = await app.inject({ method: 'POST', url: '/signin', payload: USER1, headers: { origin: 'null' } });
  t.equal(response.statusCode, 403);
  t.match(JSON.parse(log.at(-1) ?? '{}'), {
    origin: 'null',
    reason: /Referrer-Policy no-referrer \(use same-origin\)/,
  });
});

t.test('a scheme that contradicts PUBLIC_URL is logged once, with the fix', async (t) => {
  const tls = { host: 'login.example', origin: 'https://login.example' };
  const forwarded = (proto: string) => ({ 'x-forwarded-proto': proto, 'x-forwarded-for': '203.0.113.5' });
  for (const [env, headers, fix] of [
    [{}, tls, /^set PUBLIC_URL to the https origin/],
    [{ PUBLIC_URL: 'https://login.example' }, { ...tls, origin: 'http://login.example' }, /http origin/],
    [{ TRUST_PROXY: 'loopback' }, forwarded('https'), /https origin/],
    [{ TRUST_PROXY: 'loopback', PUBLIC_URL: 'https://login.example' }, forwarded('http'), /http origin/],
    [{}, forwarded('https'), undefined],
    [{}, { origin: 'http://login.example', host: 'login.example' }, undefined],
    [{ TRUST_PROXY: 'loopback' }, forwarded('gopher'), undefined],
    [{ TRUST_PROXY: 'loopback' }, { 'x-forwarded-proto': 'https' }, undefined],
  ] as const) {
    const log: string[] = [];
    const app = await build(t, { log, env: { LOG_LEVEL: 'warn', ...env } });
    log.length = 0;
    for (let i = 0; i < 2; i++) {
      await app.inject({ method: 'POST', url: '/logout', headers });
    }
    const warnings = log
      .map((line) => JSON.parse(line))
      .filter(({ msg }) => /^PUBLIC_URL has another scheme/.test(msg));
    t.match(warnings, fix === undefined ? [] : [{ level: 40, fix }]);
    t.equal(warnings.length, fix === undefined ? 0 : 1, JSON.stringify([env, headers]));
  }
});

t.test('a publicOrigin may be written in any form', async (t) => {
  for (const publicOrigin of ['https://x.example/', 'https://X.example', 'https://x.example:443']) {
    const app = Fastify();
    t.teardown(() => app.close());
    await app.register(crossOriginGuard, { publicOrigin });
    app.post('/', async () => 'done');
    const headers = { host: 'internal:8080', origin: 'https://x.example' };
    t.equal((await app.inject({ method: 'POST', url: '/', headers })).statusCode, 200, publicOrigin);
  }
});

t.test('a publicOrigin that is no origin stops the start', async (t) => {
  const shown = { 'login.example': "'login.example'", 'https://ann:hunter2@login.example': 'a string' };
  for (const [publicOrigin, value] of Object.entries(shown)) {
    const app = Fastify();
    t.teardown(() => app.close());
    await t.rejects(async () => app.register(crossOriginGuard, { publicOrigin }), {
      message: `crossOriginGuard: publicOrigin is ${value}: it must be the http or https origin that browsers use, without a path.`,
    });
  }
});

const TRUSTED = 'https://app.example';

for (const [name, headers, status] of [
  ['trusted', { 'sec-fetch-site': 'same-site', origin: TRUSTED }, 200],
  ['trusted, on another site', { 'sec-fetch-site': 'cross-site', origin: TRUSTED }, 200],
  ['trusted, without Fetch Metadata', { origin: TRUSTED }, 200],
  ['trusted, with another port', { 'sec-fetch-site': 'same-site', origin: `${TRUSTED}:8443` }, 403],
  ['trusted, with another scheme', { origin: 'http://app.example' }, 403],
  ['a host below a trusted one', { 'sec-fetch-site': 'same-site', origin: 'https://evil.app.example' }, 403],
  ['not trusted', { 'sec-fetch-site': 'same-site', origin: 'https://other.example' }, 403],
  ['not known', { 'sec-fetch-site': 'cross-site' }, 403],
  ['null', { 'sec-fetch-site': 'cross-site', origin: 'null' }, 403],
  ['our own', { 'sec-fetch-site': 'same-origin', origin: `http://${HOST}` }, 200],
] as const) {
  t.test(`with trustedOrigins, an origin that is ${name} is answered ${status}`, async (t) => {
    const app = Fastify();
    t.teardown(() => app.close());
    await app.register(crossOriginGuard, { trustedOrigins: ['HTTPS://App.Example:443/'] });
    app.post('/', async () => 'done');
    app.get('/out', { onRequest: app.refuseCrossOrigin }, async () => 'done');
    for (const route of [
      { method: 'POST', url: '/' },
      { method: 'GET', url: '/out' },
    ] as const) {
      t.equal((await app.inject({ ...route, headers: { host: HOST, ...headers } })).statusCode, status);
    }
  });
}

t.test('a trusted origin may be a pattern for the hosts below a domain', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  await app.register(crossOriginGuard, { trustedOrigins: ['https://*.example.com'] });
  app.post('/', async () => 'done');
  const post = async (headers: Record<string, string>) =>
    (await app.inject({ method: 'POST', url: '/', headers: { host: HOST, ...headers } })).statusCode;
  for (const site of ['same-site', 'cross-site']) {
    t.equal(await post({ origin: 'https://a.b.example.com', 'sec-fetch-site': site }), 200);
    t.equal(await post({ origin: 'https://example.com', 'sec-fetch-site': site }), 403);
    t.equal(await post({ origin: 'https://evil.test/.example.com', 'sec-fetch-site': site }), 403);
  }
});

t.test('a route can opt out of the guard', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  await app.register(crossOriginGuard);
  app.post('/form-post', { config: { crossOriginGuard: false } }, async () => 'done');
  app.post('/guarded', { config: { crossOriginGuard: true } }, async () => 'done');
  const headers = { host: HOST, 'sec-fetch-site': 'cross-site', origin: 'https://provider.example' };
  t.equal((await app.inject({ method: 'POST', url: '/form-post', headers })).statusCode, 200);
  for (const url of ['/guarded', '/nothing']) {
    t.equal((await app.inject({ method: 'POST', url, headers })).statusCode, 403);
  }
});

t.test('trustedOrigins that are no list of origins stop the start', async (t) => {
  for (const trustedOrigins of [
    ['*'],
    ['null'],
    ['app.example'],
    'https://app.example',
    ['https://app.example/path'],
    ['https://*.com'],
    ['https://*'],
    ['https://a.*.example.com'],
  ]) {
    const app = Fastify();
    t.teardown(() => app.close());
    await t.rejects(
      async () => app.register(crossOriginGuard, { trustedOrigins: trustedOrigins as string[] }),
      /^crossOriginGuard: trustedOrigins is .*: it must be an array of http and https origins/,
    );
  }
  const app = Fastify();
  t.teardown(() => app.close());
  await t.rejects(
    async () => app.register(crossOriginGuard, { trustedOrigins: ['app.example', 'https://ann:s3cret@app.example'] }),
    { message: /trustedOrigins is \['app\.example', a string\]: / },
  );
});

t.test('the hook needs no plugin that is loaded before the route, and none at all', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  app.register(crossOriginGuard, { trustedOrigins: [TRUSTED] });
  app.get('/early', { onRequest: refuseCrossOrigin }, async () => 'done');
  const bare = Fastify();
  t.teardown(() => bare.close());
  bare.get('/bare', { onRequest: refuseCrossOrigin }, async () => 'done');
  const get = async (from: FastifyInstance, url: string, headers: object) =>
    (await from.inject({ url, headers: { host: HOST, ...headers } })).statusCode;
  const crossSite = { 'sec-fetch-site': 'cross-site', origin: 'https://other.example' };
  t.equal(await get(app, '/early', crossSite), 403);
  t.equal(await get(app, '/early', { ...crossSite, origin: TRUSTED }), 200);
  t.equal(await get(bare, '/bare', crossSite), 403);
  t.equal(await get(bare, '/bare', { origin: `http://${HOST}` }), 200);
});

t.test('a scope inside has its own options; one scope has the plugin once', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  await app.register(crossOriginGuard);
  await t.rejects(async () => app.register(crossOriginGuard), { message: /registered twice in one scope/ });
  const outer = Fastify();
  t.teardown(() => outer.close());
  await outer.register(crossOriginGuard);
  outer.post('/outer', async () => 'done');
  outer.register(async (inner) => {
    await inner.register(crossOriginGuard, { trustedOrigins: [TRUSTED] });
    inner.post('/inner', async () => 'done');
  });
  const headers = { host: HOST, 'sec-fetch-site': 'cross-site', origin: TRUSTED };
  t.equal((await outer.inject({ method: 'POST', url: '/outer', headers })).statusCode, 403);
  t.equal((await outer.inject({ method: 'POST', url: '/inner', headers })).statusCode, 200);
});
