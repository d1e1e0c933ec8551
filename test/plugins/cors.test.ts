import t from 'tap';
import { build, signIn, USER1 } from '../helpers/service.ts';

const APP = 'https://app.example';
const OTHER = 'https://other.example';
const env = { PUBLIC_URL: 'https://login.example', TRUSTED_ORIGINS: `${APP}, http://localhost:3000` };

type Headers = Record<string, unknown>;

/** The CORS headers of a reply. */
function corsHeaders(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('access-control-')));
}

const SHARED = {
  'access-control-allow-credentials': 'true',
  'access-control-expose-headers': 'Retry-After, Date',
};

t.test('a page of a trusted origin may read every reply, errors included', async (t) => {
  const app = await build(t, { env });
  const cookie = await signIn(app);
  for (const [status, request] of [
    [200, { method: 'POST', url: '/signin', payload: USER1 }],
    [401, { method: 'POST', url: '/signin', payload: { ...USER1, password: 'wrong' } }],
    [400, { method: 'POST', url: '/signin', payload: [] }],
    [401, { url: '/welcome' }],
    [200, { url: '/welcome', headers: { cookie } }],
    [404, { method: 'DELETE', url: '/sessions/none', headers: { cookie } }],
    [403, { url: '/logout', headers: { cookie, 'sec-purpose': 'prefetch' } }],
    [404, { url: '/nothing' }],
    [405, { method: 'DELETE', url: '/signin' }],
    [200, { method: 'POST', url: '/logout', headers: { cookie } }],
  ] as const) {
    for (const origin of [APP, 'http://localhost:3000']) {
      const headers = { ...('headers' in request && request.headers), origin, 'sec-fetch-site': 'same-site' };
      const response = await app.inject({ ...request, headers });
      const name = `${status} ${request.url}`;
      t.equal(response.statusCode, status, name);
      t.same(corsHeaders(response.headers), { 'access-control-allow-origin': origin, ...SHARED }, name);
      t.equal(response.headers.vary, 'Origin', name);
    }
  }
});

t.test('no other origin gets a CORS header, but Vary is set', async (t) => {
  const app = await build(t, { env });
  const cookie = await signIn(app);
  for (const origin of [OTHER, 'null', `${APP}.other.example`, 'http://app.example', undefined]) {
    for (const request of [
      { url: '/welcome', headers: { cookie } },
      { method: 'POST', url: '/signin', payload: USER1 },
    ] as const) {
      const headers = { ...('headers' in request && request.headers), ...(origin && { origin }) };
      const response = await app.inject({ ...request, headers });
      t.same(corsHeaders(response.headers), {}, `${origin} ${request.url}`);
      t.equal(response.headers.vary, 'Origin');
    }
  }
});

t.test('a preflight request is answered for trusted origins only', async (t) => {
  const app = await build(t, { env });
  for (const [method, url] of [
    ['POST', '/signin'],
    ['DELETE', '/sessions'],
    ['POST', '/password'],
  ] as const) {
    const headers = {
      'access-control-request-method': method,
      'access-control-request-headers': 'content-type',
      'sec-fetch-site': 'same-site',
    };
    const trusted = await app.inject({ method: 'OPTIONS', url, headers: { ...headers, origin: APP } });
    t.equal(trusted.statusCode, 204);
    t.same(corsHeaders(trusted.headers), {
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'GET, HEAD, POST, DELETE',
      'access-control-allow-headers': 'Content-Type',
      'access-control-max-age': '600',
      ...SHARED,
    });
    t.equal(trusted.headers.vary, 'Origin');
    const other = await app.inject({ method: 'OPTIONS', url, headers: { ...headers, origin: OTHER } });
    t.equal(other.statusCode, 405);
    t.same(corsHeaders(other.headers), {});
  }
});

t.test('a trusted origin may be a pattern', async (t) => {
  const app = await build(t, { env: { ...env, TRUSTED_ORIGINS: 'https://*.example.com' } });
  for (const [origin, allowed] of [
    ['https://app.example.com', 'https://app.example.com'],
    ['https://example.com', undefined],
    ['https://app.example.com.evil.test', undefined],
  ] as const) {
    const { headers } = await app.inject({ url: '/session', headers: { origin } });
    t.equal(headers['access-control-allow-origin'], allowed, origin);
  }
});

t.test('without TRUSTED_ORIGINS there are no CORS headers and no Vary', async (t) => {
  const app = await build(t);
  const headers = { origin: APP, 'access-control-request-method': 'POST' };
  for (const method of ['GET', 'OPTIONS'] as const) {
    const response = await app.inject({ method, url: '/welcome', headers });
    t.equal(response.statusCode, method === 'GET' ? 401 : 405);
    t.same(corsHeaders(response.headers), {});
    t.equal(response.headers.vary, undefined);
  }
});

t.test('an OPTIONS request that is no preflight is answered like any other', async (t) => {
  const app = await build(t, { env });
  const { statusCode, headers } = await app.inject({ method: 'OPTIONS', url: '/signin', headers: { origin: APP } });
  t.ok(statusCode < 300 || /json/.test(String(headers['content-type'])), `${statusCode}`);
});
