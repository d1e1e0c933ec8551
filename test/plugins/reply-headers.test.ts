import t from 'tap';
import { build, signIn, USER1 } from '../helpers/service.ts';

const always = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
  'cache-control': 'no-store',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
};

t.test(
  'every reply of the API has them, whatever its status (ASVS 3.2.1, ASVS 3.4.3, ASVS 3.4.4, ASVS 3.4.6, ASVS 3.5.8)',
  async (t) => {
    const app = await build(t);
    const cookie = await signIn(app);
    const requests = [
      [200, { url: '/welcome', headers: { cookie } }],
      [401, { url: '/welcome' }],
      [200, { method: 'POST', url: '/signin', payload: USER1 }],
      [401, { method: 'POST', url: '/signin', payload: {} }],
      [400, { method: 'POST', url: '/signin', payload: [] }],
      [403, { method: 'POST', url: '/refresh', headers: { origin: 'null' } }],
      [404, { url: '/nowhere' }],
      [405, { url: '/signin' }],
      [413, { method: 'POST', url: '/signin', payload: { password: 'x'.repeat(16 * 1024) } }],
      [415, { method: 'POST', url: '/signin', payload: 'x', headers: { 'content-type': 'text/plain' } }],
      [200, { url: '/logout', headers: { cookie } }],
    ] as const;
    for (const [status, request] of requests) {
      const response = await app.inject(request as object);
      t.equal(response.statusCode, status, JSON.stringify(request).slice(0, 60));
      t.match(response.headers, always);
      t.equal(response.headers['strict-transport-security'], undefined);
      t.equal(response.headers['x-powered-by'], undefined);
      t.equal(response.headers.server, undefined);
    }
  },
);

t.test('pages and docs have the headers that only documents need (ASVS 3.4.5, ASVS 3.4.8)', async (t) => {
  const app = await build(t);
  const forDocuments = {
    'cross-origin-opener-policy': 'same-origin',
    'referrer-policy': 'same-origin',
    'x-frame-options': 'DENY',
  };
  const headersOf = async (url: string, accept: string) => (await app.inject({ url, headers: { accept } })).headers;
  for (const url of ['/signin', '/nowhere', '/docs', '/docs/']) {
    t.match(await headersOf(url, 'text/html'), {
      ...always,
      ...forDocuments,
      'content-security-policy': /script-src 'self'/,
    });
  }
  for (const url of ['/welcome', '/nowhere', '/livez']) {
    const names = Object.keys(await headersOf(url, 'application/json'));
    t.same(
      Object.keys(forDocuments).filter((name) => names.includes(name)),
      [],
      url,
    );
  }
});

t.test('with an https PUBLIC_URL browsers are told to stay on it (ASVS 3.4.1)', async (t) => {
  const app = await build(t, { env: { PUBLIC_URL: 'https://login.example' } });
  const { headers } = await app.inject('/welcome');
  t.equal(headers['strict-transport-security'], 'max-age=31536000; includeSubDomains');
});

t.test('no reply lets another origin read it (ASVS 3.4.2, ASVS 3.5.6)', async (t) => {
  const app = await build(t);
  const plain = await app.inject('/welcome');
  for (const method of ['GET', 'POST', 'OPTIONS', 'DELETE'] as const) {
    for (const url of ['/welcome?callback=steal', '/signin', '/sessions', '/docs/json', '/nowhere']) {
      const { headers } = await app.inject({ method, url, headers: { origin: 'https://other.example' } });
      t.same(
        Object.keys(headers).filter((name) => name.startsWith('access-control-')),
        [],
        `${method} ${url}`,
      );
    }
  }
  t.equal((await app.inject('/welcome?callback=steal')).body, plain.body);
});
