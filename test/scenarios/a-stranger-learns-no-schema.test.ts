import Fastify, { type FastifyInstance, type RouteOptions } from 'fastify';
import t, { type Test } from 'tap';
import { service } from '../../src/app.ts';
import { parseConfig } from '../../src/config.ts';
import { fastifyOptions } from '../../src/fastify-options.ts';
import { RememberingHasher } from '../helpers/remembering-hasher.ts';
import { signIn } from '../helpers/service.ts';
import { LENIENT_TIMEOUTS } from '../helpers/timeouts.ts';

// A route with a guard answers 401 to a request without a session, also if its body or its parameters are invalid. A 400
// would describe the schema.

interface GuardedRoute {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly hasBody: boolean;
  /** Whether it answers page requests only. */
  readonly isPage: boolean;
}

/** The service, and its routes that only the signed-in may use: the schema says so. */
async function buildWithRoutes(t: Test): Promise<{ app: FastifyInstance; routes: GuardedRoute[] }> {
  const config = parseConfig({ LOG_LEVEL: 'silent', ...LENIENT_TIMEOUTS });
  const app = Fastify(fastifyOptions(config));
  t.teardown(() => app.close());
  const routes: GuardedRoute[] = [];
  app.addHook('onRoute', ({ method, url, schema, constraints }: RouteOptions) => {
    const { security = [], body } = schema ?? {};
    if (security.length > 0 && method !== 'HEAD') {
      routes.push({
        method: method as GuardedRoute['method'],
        url,
        hasBody: body !== undefined,
        isPage: constraints?.page === true,
      });
    }
  });
  await app.register(service, { config, passwords: new RememberingHasher() });
  await app.ready();
  return { app, routes };
}

const JSON_TYPE = { 'content-type': 'application/json' };
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };

const invalid = [
  { payload: '{}', headers: JSON_TYPE },
  { payload: '[]', headers: JSON_TYPE },
  { payload: '{', headers: JSON_TYPE },
  { payload: '', headers: JSON_TYPE },
  { payload: '{"currentPassword":1,"newPassword":null}', headers: JSON_TYPE },
  { payload: 'currentPassword=%FF', headers: FORM_TYPE },
  { payload: '<a/>', headers: { 'content-type': 'text/xml' } },
  { payload: 'x'.repeat(20_000), headers: JSON_TYPE },
];

t.test('the routes with a guard are those that the document names', async (t) => {
  const { routes } = await buildWithRoutes(t);
  t.same(
    routes.map(({ method, url }) => `${method} ${url}`).sort(),
    [
      'DELETE /sessions',
      'DELETE /sessions/:id',
      'GET /account',
      'GET /auth-request',
      'GET /forward-auth',
      'GET /logout',
      'GET /session',
      'GET /sessions',
      'GET /welcome',
      'POST /account/sessions/:id/end',
      'POST /account/sessions/end-others',
      'POST /logout',
      'POST /password',
      'POST /refresh',
    ].sort(),
  );
  t.same(
    routes.filter(({ hasBody }) => hasBody).map(({ url }) => url),
    ['/password'],
  );
});

t.test('a stranger with invalid input gets 401 of every route, and no word about the schema', async (t) => {
  const { app, routes } = await buildWithRoutes(t);
  for (const { method, url, hasBody } of routes.filter(({ isPage }) => !isPage)) {
    // Routes without a body read it and ignore it, so that one that is too large is 413 there.
    for (const { payload, headers } of method === 'GET' ? [{}] : hasBody ? invalid : invalid.slice(0, -1)) {
      for (const cookie of [undefined, 'session_token=garbage', `session_token=${'A'.repeat(22)}.${'B'.repeat(43)}`]) {
        const response = await app.inject({
          method,
          url: url.replace(':id', '%7Bnot-an-id%7D'),
          headers: { ...headers, ...(cookie && { cookie }) },
          ...(payload !== undefined && { payload }),
        });
        const isDeadLogout = url === '/logout' && cookie !== undefined;
        const name = `${method} ${url} ${payload?.slice(0, 20)} ${cookie}`;
        // Only a proxy may ask there.
        const isForProxies = url === '/auth-request' || url === '/forward-auth';
        t.equal(response.statusCode, isDeadLogout ? 200 : isForProxies ? 403 : 401, name);
        t.notMatch(response.body, /body|params|must|Password/, name);
      }
    }
  }
});

t.test(
  'a stranger with invalid input is asked to sign in by every page, and learns nothing about the schema',
  async (t) => {
    const { app, routes } = await buildWithRoutes(t);
    const cookies = [undefined, 'session_token=garbage', `session_token=${'A'.repeat(22)}.${'B'.repeat(43)}`];
    for (const { method, url } of routes.filter(({ isPage }) => isPage)) {
      for (const { payload, headers } of method === 'GET' ? [{}] : invalid.slice(0, -1)) {
        for (const cookie of cookies) {
          const response = await app.inject({
            method,
            url: url.replace(':id', '%7Bnot-an-id%7D'),
            // No form sends JSON: a request with JSON is not for a page.
            headers: {
              accept: 'text/html',
              ...(headers === JSON_TYPE ? FORM_TYPE : headers),
              ...(cookie && { cookie }),
            },
            ...(payload !== undefined && { payload }),
          });
          const name = `${method} ${url} ${payload?.slice(0, 20)} ${cookie}`;
          t.equal(response.statusCode, method === 'GET' ? 303 : 401, name);
          t.notMatch(response.body, /params|must be|must have/, name);
          t.equal(response.headers['set-cookie'], undefined, name);
        }
      }
    }
  },
);

t.test('the signed-in get the description', async (t) => {
  const { app } = await buildWithRoutes(t);
  const cookie = await signIn(app);
  for (const [index, status] of [
    [0, 400],
    [2, 400],
    [6, 415],
    [7, 413],
  ] as const) {
    const { payload, headers } = { payload: undefined, ...invalid[index] };
    const response = await app.inject({
      method: 'POST',
      url: '/password',
      headers: { ...headers, cookie },
      ...(payload !== undefined && { payload }),
    });
    t.equal(response.statusCode, status, String(payload?.slice(0, 20)));
  }
});
