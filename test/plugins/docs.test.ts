import t from 'tap';
import { build, signIn, USER1 } from '../helpers/service.ts';

interface Operation {
  operationId: string;
  security: unknown[];
  responses: Record<string, { description: string; headers?: object; content: Record<string, unknown> }>;
}

async function document(app: Awaited<ReturnType<typeof build>>) {
  return (await app.inject('/docs/json')).json();
}

/** Most tests only read. */
const app = await build(t);

t.test('every route is documented with every status it answers', async (t) => {
  const { openapi, info, paths } = await document(app);
  t.match(openapi, /^3\.1\./);
  t.match(info, { title: String, version: /^\d+\.\d+\.\d+/ });
  const statuses = Object.entries<Record<string, Operation>>(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { responses }]) => [`${method} ${path}`, Object.keys(responses).join(' ')]),
  );
  t.same(Object.fromEntries(statuses), {
    'get /': '303 400 500 503',
    'get /signin': '200 400 500 503',
    'post /signin': '200 303 400 401 403 413 415 429 500 503',
    'get /account': '200 303 400 401 500 503',
    'post /account/sessions/{id}/end': '303 400 401 403 413 415 500 503',
    'post /account/sessions/end-others': '303 400 401 403 413 415 500 503',
    'get /welcome': '200 400 401 500 503',
    'post /refresh': '200 303 400 401 403 413 415 500 503',
    'get /logout': '200 303 400 401 403 500 503',
    'post /logout': '200 303 400 401 403 413 415 500 503',
    'get /session': '200 400 401 500 503',
    'get /sessions': '200 400 401 500 503',
    'delete /sessions': '200 400 401 403 413 415 500 503',
    'delete /sessions/{id}': '200 400 401 403 404 413 415 500 503',
    'post /password': '200 303 400 401 403 413 415 429 500 503',
    'get /password/link': '200 400 500',
    'post /password/link': '204 303 400 403 413 415 429 500 503',
    'get /auth-request': '200 400 401 403 500 503',
    'get /forward-auth': '200 303 400 401 403 500 503',
    'get /livez': '200 400 500',
    'get /readyz': '200 400 500 503',
  });
});

t.test('the cookie is a security scheme, under the name it has', async (t) => {
  const plain = await document(app);
  t.match(plain.components.securitySchemes.sessionCookie, {
    type: 'apiKey',
    in: 'cookie',
    name: 'session_token',
  });
  const secure = await document(await build(t, { env: { PUBLIC_URL: 'https://login.example' } }));
  t.equal(secure.components.securitySchemes.sessionCookie.name, '__Host-session_token');
  t.match(secure.servers, [{ url: '/' }, { url: 'https://login.example' }]);
  t.same(plain.paths['/signin'].post.security, []);
  t.same(plain.paths['/welcome'].get.security, [{ sessionCookie: [] }]);
});

t.test('Set-Cookie and Retry-After are documented where they are sent', async (t) => {
  const { paths } = await document(app);
  for (const operation of [
    paths['/signin'].post,
    paths['/refresh'].post,
    paths['/logout'].get,
    paths['/logout'].post,
    paths['/password'].post,
  ]) {
    t.ok(operation.responses[200].headers['Set-Cookie'], operation.operationId);
    t.notOk(operation.responses[401].headers, operation.operationId);
  }
  for (const operation of [paths['/signin'].post, paths['/welcome'].get, paths['/refresh'].post]) {
    t.ok(operation.responses[503].headers['Retry-After'], operation.operationId);
  }
  for (const operation of [paths['/signin'].post, paths['/password'].post]) {
    t.ok(operation.responses[429].headers['Retry-After'], operation.operationId);
  }
});

t.test('the example of a sign-in works', async (t) => {
  const { paths } = await document(app);
  const payload = paths['/signin'].post.requestBody.content['application/json'].example;
  t.same(payload, USER1);
  t.equal((await app.inject({ method: 'POST', url: '/signin', payload })).statusCode, 200);
});

t.test(
  'the page and its parts come from here, under a policy that allows nothing else (ASVS 3.4.8, ASVS 3.5.7)',
  async (t) => {
    const page = await app.inject('/docs');
    t.equal(page.statusCode, 200);
    t.match(page.headers['content-type'], 'text/html');
    t.equal(
      page.headers['content-security-policy'],
      "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    );
    t.equal(page.headers['cross-origin-opener-policy'], 'same-origin');
    const cookie = await signIn(app);
    t.notMatch(page.body, /https?:\/\//, 'no address but our own');
    const parts = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);
    t.ok(parts.length > 3);
    for (const path of parts) {
      const url = new URL(path, 'http://localhost/docs').pathname;
      const { statusCode, body } = await app.inject({ url, headers: { cookie } });
      t.equal(statusCode, 200, path);
      t.notMatch(body, cookie.split('.')[0]?.slice('session_token='.length) as string, 'nothing of who asks');
    }
  },
);

t.test('only the page, the document and what the page loads is served, and nothing with DOCS=off', async (t) => {
  for (const path of ['/docs/', '/docs/json?x=1', '/docs/yaml', '/docs/static/swagger-ui.css']) {
    t.equal((await app.inject(path)).statusCode, 200, path);
  }
  for (const path of ['/docs/static/csp.json', '/docs/static/', '/docs/static/../package.json', '/docs/nothing']) {
    t.match((await app.inject(path)).json(), { statusCode: 404, code: 'NOT_FOUND' }, path);
  }
  const without = await build(t, { env: { DOCS: 'off' } });
  for (const path of ['/docs', '/docs/json']) {
    t.equal((await without.inject(path)).statusCode, 404, path);
  }
});

t.test('a failure to render the pages does not stay', async (t) => {
  const app = await build(t);
  await app.ready();
  const { swagger } = app;
  app.swagger = () => undefined as never;
  t.equal((await app.inject('/docs')).statusCode, 500);
  app.swagger = swagger;
  t.equal((await app.inject('/docs')).statusCode, 200);
});
