import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import t, { type Test } from 'tap';
import { service } from '../../src/app.ts';
import { parseConfig } from '../../src/config.ts';
import { createPasswordLink, login, loginRoutes, MemoryUserStore, newUser } from '../../src/exports/login.ts';
import { crossOriginGuard } from '../../src/index.ts';
import { RememberingHasher } from '../helpers/remembering-hasher.ts';
import { ANN, cookieOf } from '../helpers/service.ts';

const passwords = new RememberingHasher();
const CROSS_SITE = { 'sec-fetch-site': 'cross-site' };

/** A bare app with the login, without its routes. */
async function bareApp(t: Test): Promise<FastifyInstance> {
  const app = Fastify();
  t.teardown(() => app.close());
  const users = new MemoryUserStore();
  users.create(newUser(ANN.username, await passwords.hash(ANN.password)));
  await app.register(login, { stores: { users }, passwords });
  return app;
}

function signIn(app: FastifyInstance, url: string, payload: unknown, headers = {}) {
  return app.inject({ method: 'POST', url, headers, ...(payload !== undefined && { payload: payload as object }) });
}

t.test('under a prefix they are the routes of the service', async (t) => {
  const app = await bareApp(t);
  await app.register(loginRoutes, { prefix: '/auth' });
  let cookie = cookieOf(await signIn(app, '/auth/signin', ANN));
  const ask = async (method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) => {
    const response = await app.inject({ method, url: `/auth${url}`, headers: { cookie }, ...(payload && { payload }) });
    if (response.headers['set-cookie']) {
      cookie = cookieOf(response);
    }
    return response;
  };
  t.match((await ask('GET', '/session')).json(), { username: 'ann', current: true });
  t.match((await ask('GET', '/sessions')).json(), [{ username: 'ann', address: '127.0.0.1' }]);
  t.match((await ask('POST', '/refresh')).json(), { username: 'ann' });
  const change = { currentPassword: ANN.password, newPassword: 'a staple, and another horse' };
  t.match((await ask('POST', '/password', change)).json(), { username: 'ann' });
  const other = cookieOf(await signIn(app, '/auth/signin', { ...ANN, password: change.newPassword }));
  const id = /=([^.]*)/.exec(other)?.[1];
  t.same((await ask('DELETE', `/sessions/${id}`)).json(), { ended: 1 });
  t.same((await ask('DELETE', '/sessions')).json(), { ended: 0 });
  t.same((await ask('POST', '/logout')).json(), { message: 'Signed out.' });
  t.same((await ask('GET', '/logout')).json(), { message: 'Signed out.' });
  t.equal((await app.inject('/auth/logout')).statusCode, 401);
  t.equal((await app.inject('/signin')).statusCode, 404);
});

t.test('a link of createPasswordLink sets a password under the prefix', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  const users = new MemoryUserStore();
  users.create(newUser(ANN.username, await passwords.hash('nobody knows this one')));
  await app.register(login, { stores: { users }, passwords });
  await app.register(loginRoutes, { prefix: '/auth' });
  const link = await createPasswordLink(users, 'ANN');
  const payload = { token: link?.token, newPassword: ANN.password };
  t.equal((await app.inject({ method: 'POST', url: '/auth/password/link', payload })).statusCode, 204);
  t.equal((await signIn(app, '/auth/signin', ANN)).statusCode, 200);
  const again = await app.inject({ method: 'POST', url: '/auth/password/link', payload });
  t.match(again.json(), { statusCode: 403, code: 'PASSWORD_LINK_INVALID' });
});

t.test('they bring their parsers, errors and guard, and change nothing of the app', async (t) => {
  const app = await bareApp(t);
  app.setErrorHandler((_error, _request, reply) => reply.code(500).send('the error of the app'));
  app.register(loginRoutes, { prefix: '/auth' });
  app.post('/echo', async (request) => ({ echo: request.body }));
  app.get('/fail', async () => {
    throw new Error('of the app');
  });

  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const signedIn = await signIn(app, '/auth/signin', 'username=ann&password=a+horse%2C+a+battery', form);
  t.equal(signedIn.statusCode, 200);
  for (const [payload, headers, code] of [
    ['{', { 'content-type': 'application/json' }, 'BAD_REQUEST'],
    [[], {}, 'INVALID_INPUT'],
    [undefined, {}, 'INVALID_INPUT'],
    [{ username: 1 }, {}, 'INVALID_INPUT'],
    [{}, {}, 'SIGN_IN_REFUSED'],
    ['<a/>', { 'content-type': 'text/xml' }, 'UNSUPPORTED_MEDIA_TYPE'],
    [{ username: 'x'.repeat(16 * 1024) }, {}, 'BODY_TOO_LARGE'],
    [ANN, CROSS_SITE, 'CROSS_ORIGIN_REFUSED'],
  ] as const) {
    t.match((await signIn(app, '/auth/signin', payload, headers)).json(), { code }, code);
  }
  t.equal((await app.inject({ url: '/auth/logout', headers: CROSS_SITE })).json().code, 'CROSS_ORIGIN_REFUSED');

  const text = 'x'.repeat(17 * 1024);
  const echoed = await signIn(app, '/echo', text, { 'content-type': 'text/plain', ...CROSS_SITE });
  t.same(echoed.json(), { echo: text });
  t.equal((await app.inject('/fail')).body, 'the error of the app');
});

t.test('they need nothing of the compilers and the schemas of the app', async (t) => {
  const app = await bareApp(t);
  const cannotRead = () => {
    throw new Error('a compiler for schemas of another kind');
  };
  app.setValidatorCompiler(cannotRead);
  app.setSerializerCompiler(cannotRead);
  for (const $id of ['Session', 'Error', 'ListedSession']) {
    app.addSchema({ $id, type: 'string' });
  }
  await app.register(loginRoutes, { prefix: '/auth' });
  await app.register(loginRoutes, { prefix: '/second' });
  for (const prefix of ['/auth', '/second']) {
    const response = await signIn(app, `${prefix}/signin`, ANN);
    t.match(response.json(), { username: 'ann', current: true });
    const headers = { cookie: cookieOf(response) };
    const [listed] = (await app.inject({ url: `${prefix}/sessions`, headers })).json();
    const times = ['createdAt', 'authenticatedAt', 'expiresAt', 'endsAt', 'bound'];
    t.same(Object.keys(listed), ['id', 'username', ...times, 'current', 'address', 'device']);
  }
});

t.test('the routes of an app that registers the service keep its schemas and its validation', async (t) => {
  const app = Fastify({ logger: false });
  t.teardown(() => app.close());
  await app.register(service, { config: parseConfig({ LOG_LEVEL: 'silent' }), passwords });
  app.addSchema({ $id: 'note', type: 'object', properties: { stars: { type: 'integer' } } });
  const schema = { body: { $ref: 'note#' }, response: { 200: { $ref: 'note#' } } };
  app.post('/notes', { schema }, async (request) => ({ ...(request.body as object), secret: true }));
  const response = await app.inject({ method: 'POST', url: '/notes', payload: { stars: '5' } });
  t.equal(response.body, '{"stars":5}');
});

t.test('two areas of an app have a login each', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  for (const area of ['admin', 'user']) {
    app.register(
      async (scope) => {
        const users = new MemoryUserStore();
        users.create(newUser(`${area}-ann`, await passwords.hash(ANN.password)));
        await scope.register(login, { stores: { users }, session: { cookie: { name: area } }, passwords });
        await scope.register(loginRoutes);
      },
      { prefix: `/${area}` },
    );
  }
  for (const [area, other] of [
    ['admin', 'user'],
    ['user', 'admin'],
  ] as const) {
    const signedIn = await signIn(app, `/${area}/signin`, { ...ANN, username: `${area}-ann` });
    const headers = { cookie: cookieOf(signedIn, area) };
    t.equal((await app.inject({ url: `/${area}/session`, headers })).json().username, `${area}-ann`);
    t.equal((await app.inject({ url: `/${other}/session`, headers })).statusCode, 401);
    t.equal((await signIn(app, `/${other}/signin`, { ...ANN, username: `${area}-ann` })).statusCode, 401);
  }
});

t.test('they use the guard of the app', async (t) => {
  const app = await bareApp(t);
  await app.register(crossOriginGuard, { publicOrigin: 'https://app.example' });
  await app.register(loginRoutes, { prefix: '/auth' });
  const origin = (origin: string) => signIn(app, '/auth/signin', ANN, { origin });
  t.equal((await origin('https://app.example')).statusCode, 200);
  t.equal((await origin('https://other.example')).statusCode, 403);
});

t.test('without the login, or with an option of another plugin, the start fails', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  await t.rejects(async () => app.register(loginRoutes), /^loginRoutes: the plugin login is missing/);
  const other = await bareApp(t);
  const options = { prefix: '/auth', idleSeconds: 900 };
  await t.rejects(
    async () => other.register(loginRoutes, options),
    /^loginRoutes: the option idleSeconds does not exist/,
  );
});

t.test('a cross-origin guard that is registered after them applies to them', async (t) => {
  const app = await bareApp(t);
  app.register(loginRoutes, { prefix: '/auth' });
  app.register(crossOriginGuard, { trustedOrigins: ['https://app.example'] });
  const from = (origin: string) => signIn(app, '/auth/signin', ANN, { ...CROSS_SITE, origin });
  t.equal((await from('https://app.example')).statusCode, 200);
  t.equal((await from('https://other.example')).statusCode, 403);
});

t.test('an error of another plugin of the app is for its own error handler', async (t) => {
  const app = await bareApp(t);
  const statuses = [429, 451, 503];
  app.addHook('onRequest', async () => {
    const statusCode = statuses.shift();
    if (statusCode !== undefined) {
      throw Object.assign(new Error('of the app'), { statusCode });
    }
  });
  await app.register(loginRoutes);
  for (const statusCode of [...statuses]) {
    t.match((await signIn(app, '/signin', ANN)).json(), { statusCode, message: 'of the app' });
  }
  const custom = await bareApp(t);
  custom.setErrorHandler((error: FastifyError, _request, reply) => reply.code(429).send({ mine: error.message }));
  custom.addHook('onRequest', async () => {
    throw Object.assign(new Error('of the app'), { statusCode: 429 });
  });
  await custom.register(loginRoutes);
  t.same((await signIn(custom, '/signin', ANN)).json(), { mine: 'of the app' });
  t.match((await signIn(app, '/signin', { username: 1 })).json(), { statusCode: 400, code: 'INVALID_INPUT' });
});

t.test('a bug reveals nothing', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  const users = { find: () => undefined, replace: () => false };
  await app.register(login, { stores: { users }, passwords });
  app.addHook('preHandler', async () => {
    throw new Error('a secret');
  });
  await app.register(loginRoutes);
  const reply = await signIn(app, '/signin', ANN);
  t.match(reply.json(), { statusCode: 500, code: 'INTERNAL_ERROR' });
  t.notMatch(reply.body, 'a secret');
});

t.test('no reply of the routes is stored, also none of an error', async (t) => {
  const app = await bareApp(t);
  await app.register(loginRoutes);
  for (const [payload, statusCode] of [
    [ANN, 200],
    [{ ...ANN, password: 'wrong' }, 401],
    [{ username: 1 }, 400],
  ] as const) {
    const reply = await signIn(app, '/signin', payload);
    t.match(
      { status: reply.statusCode, cache: reply.headers['cache-control'] },
      { status: statusCode, cache: 'no-store' },
    );
  }
});

t.test('a frozen error of another plugin is passed on as well', async (t) => {
  const app = await bareApp(t);
  app.setErrorHandler((error: FastifyError, _request, reply) => reply.code(418).send({ mine: error.message }));
  app.addHook('onRequest', async () => {
    throw Object.freeze(Object.assign(new Error('frozen'), { statusCode: 418 }));
  });
  await app.register(loginRoutes);
  t.same((await signIn(app, '/signin', ANN)).json(), { mine: 'frozen' });
});
