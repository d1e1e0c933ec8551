import { once } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { Readable } from 'node:stream';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import t, { type Test } from 'tap';
import {
  optionalSession,
  requireRecentSignIn,
  requireSession,
  type SessionGuard,
  type SessionsOptions,
  sessions,
} from '../../src/index.ts';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { cookieOf, fakeClock, stubStore } from '../helpers/service.ts';

const GUARDS = { requireSession, requireRecentSignIn, optionalSession };

function newApp(t: Test) {
  const app = Fastify();
  t.teardown(() => app.close());
  return app;
}

type App = FastifyInstance;

function addSignIn(app: App, url = '/enter') {
  app.post(url, async (_request, reply) => reply.startSession({ userId: 'ann', username: 'ann' }));
}

async function signIn(app: App, url = '/enter', name = 'session_token'): Promise<string> {
  return cookieOf(await app.inject({ method: 'POST', url }), name);
}

t.test('a guard needs no plugin that is loaded before the route', async (t) => {
  const app = newApp(t);
  app.register(sessions);
  app.get('/me', { preHandler: requireSession }, async (request) => request.session.username);
  app.register(async (scope) => addSignIn(scope));
  t.equal((await app.inject('/me')).statusCode, 401);
  t.equal((await app.inject({ url: '/me', headers: { cookie: await signIn(app) } })).body, 'ann');
});

t.test('a guard without the plugin fails the request, and says what is missing', async (t) => {
  for (const [name, guard] of Object.entries(GUARDS)) {
    const app = newApp(t);
    app.get('/open', { preHandler: guard }, async () => 'the secret');
    app.register(async (scope) => {
      await scope.register(sessions);
    });
    const response = await app.inject('/open');
    t.equal(response.statusCode, 500);
    t.match(response.json(), { code: 'SESSIONS_NOT_REGISTERED', message: `${name} needs the plugin "sessions"` });
  }
});

t.test('a guard that is called where it should be passed fails the start', async (t) => {
  const app = newApp(t);
  await app.register(sessions);
  for (const [name, guard] of Object.entries(GUARDS)) {
    const call = guard as unknown as () => SessionGuard;
    t.throws(() => app.get('/open', { preHandler: call() }, async () => 'the secret'), {
      name: 'TypeError',
      message: `${name} is a hook. Pass it without calling it: { onRequest: ${name} }`,
    });
  }
  t.equal(app.requireSession, requireSession);
  t.equal(app.requireRecentSignIn, requireRecentSignIn);
  t.equal(app.optionalSession, optionalSession);
});

const STAGES = ['onRequest', 'preParsing', 'preValidation', 'preHandler'] as const;

t.test('a guard works at every stage, as a hook of the route and of the scope', async (t) => {
  for (const stage of STAGES) {
    const app = newApp(t);
    await app.register(sessions);
    addSignIn(app);
    const schema = { body: { type: 'object', required: ['field'] } };
    app.post('/route', { schema, [stage]: requireSession }, async () => ({ ok: true }));
    app.register(async (scope) => {
      scope.addHook(stage as 'preHandler', requireSession);
      scope.post('/scope', async (request) => ({ body: request.body }));
    });
    const cookie = await signIn(app);
    for (const url of ['/route', '/scope']) {
      const post = (headers = {}) => app.inject({ method: 'POST', url, headers, payload: { field: 1 } });
      t.equal((await post()).statusCode, 401, `${stage} ${url}`);
      t.equal((await post({ cookie })).statusCode, 200, `${stage} ${url}`);
    }
    const isEarly = STAGES.indexOf(stage) < STAGES.indexOf('preValidation') + 1;
    const bad = await app.inject({ method: 'POST', url: '/route', payload: {} });
    t.equal(bad.statusCode, isEarly ? 401 : 400, `${stage}: a stranger with a bad body`);
  }
});

t.test('a guard after the handler stops the start', async (t) => {
  for (const stage of ['preSerialization', 'onSend', 'onResponse', 'onError', 'onTimeout'] as const) {
    for (const guard of Object.values(GUARDS)) {
      const app = newApp(t);
      await app.register(sessions);
      t.throws(() => app.get('/late', { [stage]: [guard] }, async () => 'the secret'), {
        name: 'TypeError',
        message: `A guard is the ${stage} hook of /late: use onRequest, which runs before the handler.`,
      });
      const ofScope = {
        name: 'TypeError',
        message: `A guard is the ${stage} hook of a scope: use onRequest, which runs before the handler.`,
      };
      t.throws(() => app.addHook(stage as 'onSend', guard), ofScope);
      await app.register(async (scope) => {
        t.throws(() => scope.addHook(stage as 'onSend', guard), ofScope);
        scope.addHook('onSend', async () => {});
      });
    }
  }
});

t.test('optionalSession accepts strangers, and tells them from users', async (t) => {
  const clock = fakeClock();
  const app = newApp(t);
  await app.register(sessions, { clock });
  addSignIn(app);
  app.get('/', { onRequest: optionalSession }, async (request) => ({
    user: request.sessionOrNull?.username ?? null,
  }));
  app.get('/throws', { onRequest: optionalSession }, async (request) => request.session);
  app.get('/unguarded', async (request) => request.sessionOrNull);
  const get = async (url: string, cookie?: string) => app.inject({ url, headers: cookie ? { cookie } : {} });
  const cookie = await signIn(app);
  t.same((await get('/')).json(), { user: null });
  t.same((await get('/', cookie)).json(), { user: 'ann' });
  t.equal((await get('/')).headers['cache-control'], 'no-store');
  t.same(
    (await get('/', `${cookie}; ${await signIn(app)}`)).json(),
    { user: null },
    'two live sessions: nobody knows which one is right',
  );
  t.same((await get('/', `session_token=${'a'.repeat(22)}.${'b'.repeat(43)}`)).json(), { user: null });
  t.match((await get('/throws')).json(), { statusCode: 500, message: /request\.sessionOrNull/ });
  t.match((await get('/unguarded', cookie)).json(), { statusCode: 500, message: /optionalSession/ });
  clock.advance(120_000);
  t.same((await get('/', cookie)).json(), { user: null }, 'expired');
});

for (const kind of ['at once', 'later'] as const) {
  t.test(`optionalSession does not take a store that fails ${kind} for a stranger`, async (t) => {
    const inner = new MemorySessionStore();
    t.teardown(() => inner.close());
    const fail = () => {
      throw new Error('down');
    };
    const find = kind === 'at once' ? fail : async () => fail();
    const app = newApp(t);
    await app.register(sessions, { store: stubStore(inner, { find }) });
    addSignIn(app);
    app.get('/', { onRequest: optionalSession }, async (request) => request.sessionOrNull);
    const cookie = await signIn(app);
    t.equal((await app.inject({ url: '/', headers: { cookie } })).statusCode, 503);
  });

  t.test(`optionalSession with a store that answers ${kind}`, async (t) => {
    const inner = new MemorySessionStore();
    t.teardown(() => inner.close());
    const find = kind === 'at once' ? inner.find.bind(inner) : async (id: string) => inner.find(id);
    const app = newApp(t);
    await app.register(sessions, { store: stubStore(inner, { find }) });
    addSignIn(app);
    app.get('/', { onRequest: optionalSession }, async (request) => ({ id: request.sessionOrNull?.id ?? null }));
    const cookie = await signIn(app);
    const id = async () => (await app.inject({ url: '/', headers: { cookie } })).json().id;
    t.type(await id(), 'string');
    inner.remove(await id());
    t.equal(await id(), null);
  });
}

const CACHEABLE = {
  'cache-control': 'public, max-age=86400',
  'cdn-cache-control': 'max-age=86400',
  'surrogate-control': 'max-age=86400',
  expires: 'Wed, 01 Jan 2031 00:00:00 GMT',
};

/** Handlers that allow caches to store the reply, each in another way. */
const CACHEABLE_ROUTES: Record<string, (request: FastifyRequest, reply: FastifyReply) => unknown> = {
  headers: (_request, reply) => reply.headers(CACHEABLE).send('me'),
  stream: (_request, reply) => reply.headers(CACHEABLE).send(Readable.from(['me'])),
  response: () => new Response('me', { headers: CACHEABLE }),
  raw: (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, 'OK', { 'Cache-Control': 'public', 'Surrogate-Control': 'max-age=9', 'X-Other': 'kept' });
    reply.raw.end('me');
  },
  list: (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, ['Cache-Control', 'public', 'Expires', '0', 'X-Other', 'kept']);
    reply.raw.end('me');
  },
  'list with a reason': (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, 'OK', ['cache-control', 'public', 'x-other', 'kept']);
    reply.raw.end('me');
  },
  implicit: (_request, reply) => {
    reply.hijack();
    reply.raw.setHeader('Cache-Control', 'public');
    reply.raw.end('me');
  },
};

t.test(
  'a reply that depends on a session has no-store, also if a hook or the handler sets another value',
  async (t) => {
    const app = newApp(t);
    await app.register(sessions);
    addSignIn(app);
    app.addHook('onRequest', async (_request, reply) => {
      reply.headers(CACHEABLE);
    });
    app.addHook('onSend', async (_request, reply) => {
      reply.headers(CACHEABLE);
    });
    for (const [name, handler] of Object.entries(CACHEABLE_ROUTES)) {
      app.get(
        `/${name.replaceAll(' ', '-')}`,
        { onRequest: [requireSession, requireSession] },
        async (request, reply) => handler(request, reply),
      );
    }
    app.get('/public', async () => 'public');
    app.post('/response', async (_request, reply) => {
      await reply.startSession({ userId: 'ann', username: 'ann' });
      return new Response('in', { headers: CACHEABLE });
    });
    const cookie = await signIn(app);
    const replies = [
      ...Object.keys(CACHEABLE_ROUTES)
        .map((name) => name.replaceAll(' ', '-'))
        .flatMap((name) => [
          { url: `/${name}`, headers: { cookie } },
          { url: `/${name}`, headers: {} },
          { method: 'HEAD', url: `/${name}`, headers: { cookie } } as const,
        ]),
      { method: 'POST', url: '/response' } as const,
    ];
    for (const request of replies) {
      const { headers } = await app.inject(request);
      t.equal(headers['cache-control'], 'no-store', JSON.stringify(request).slice(0, 40));
      t.notHas(headers, 'cdn-cache-control');
      t.notHas(headers, 'surrogate-control');
      t.notHas(headers, 'expires');
    }
    t.equal((await app.inject({ url: '/raw', headers: { cookie } })).headers['x-other'], 'kept');
    t.equal((await app.inject({ url: '/list', headers: { cookie } })).headers['x-other'], 'kept');
    t.match((await app.inject('/public')).headers, CACHEABLE);
  },
);

t.test('another package may have replaced writeHead', async (t) => {
  const app = newApp(t);
  await app.register(sessions);
  app.addHook('onRequest', async (_request, reply) => {
    const { writeHead } = reply.raw;
    reply.raw.writeHead = function (this: typeof reply.raw, ...args: Parameters<typeof writeHead>) {
      this.setHeader('x-other', 'kept');
      return writeHead.apply(this, args);
    } as typeof writeHead;
  });
  app.get('/me', { onRequest: requireSession }, async () => 'me');
  const { statusCode, headers } = await app.inject('/me');
  t.match({ statusCode, ...headers }, { statusCode: 401, 'cache-control': 'no-store', 'x-other': 'kept' });
});

t.test('over HTTP/2 no reply is stored, also no stream', async (t) => {
  const app = Fastify({ http2: true });
  t.teardown(() => app.close());
  await app.register(sessions);
  app.post('/enter', async (_request, reply) => reply.startSession({ userId: 'ann', username: 'ann' }));
  app.get('/stream', { onRequest: requireSession }, async (_request, reply) =>
    reply.header('cache-control', 'public').send(Readable.from(['me'])),
  );
  app.get('/public', async (_request, reply) => reply.header('cache-control', 'public').send('public'));
  const client = connect(await app.listen({ port: 0, host: '127.0.0.1' }));
  t.teardown(() => client.close());
  const ask = async (headers: OutgoingHttpHeaders) => {
    const stream = client.request(headers);
    const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    stream.resume();
    await once(stream, 'end');
    return answer;
  };
  const entered = await ask({ ':path': '/enter', ':method': 'POST' });
  const cookie = String(entered['set-cookie']).split(';', 1)[0] ?? '';
  t.match(await ask({ ':path': '/stream', cookie }), { ':status': 200, 'cache-control': 'no-store' });
  t.match(await ask({ ':path': '/stream' }), { ':status': 401, 'cache-control': 'no-store' });
  t.match(await ask({ ':path': '/public' }), { ':status': 200, 'cache-control': 'public' });
});

/** An app with an area for admins and one for users, which share a store. */
async function twoAreas(t: Test, admin: SessionsOptions, user: SessionsOptions) {
  const store = new MemorySessionStore();
  t.teardown(() => store.close());
  const app = newApp(t);
  for (const [prefix, options] of [
    ['/admin', admin],
    ['/user', user],
  ] as const) {
    app.register(
      async (area) => {
        await area.register(sessions, { store, ...options });
        addSignIn(area);
        area.get('/me', { onRequest: requireSession }, async (request) => request.session.namespace);
        area.get('/mine', { onRequest: requireSession }, async (request) => request.listSessions());
        area.delete('/others', { onRequest: requireSession }, async (request) => request.revokeOtherSessions());
        area.delete<{ Params: { id: string } }>('/:id', { onRequest: requireSession }, async (request) =>
          request.revokeSession(request.params.id),
        );
      },
      { prefix },
    );
  }
  await app.ready();
  return { app, store };
}

t.test('areas that share a store do not accept each other’s sessions', async (t) => {
  const { app } = await twoAreas(t, { cookie: { name: 'admin' } }, { cookie: { name: 'user' } });
  const admin = await signIn(app, '/admin/enter', 'admin');
  const user = await signIn(app, '/user/enter', 'user');
  const get = (url: string, cookie: string) => app.inject({ url, headers: { cookie } });
  t.equal((await get('/admin/me', admin)).body, 'admin');
  t.equal((await get('/user/me', user)).body, 'user');
  t.equal((await get('/admin/me', user.replace('user=', 'admin='))).statusCode, 401);
  t.equal((await get('/user/me', admin.replace('admin=', 'user='))).statusCode, 401);

  t.equal((await get('/admin/mine', admin)).json().length, 1, 'the user of the same id is another one');
  const end = (url: string, cookie: string) => app.inject({ method: 'DELETE', url, headers: { cookie } });
  t.equal((await end('/admin/others', admin)).body, '0');
  const userSession = (await get('/user/mine', user)).json()[0].id;
  t.equal((await end(`/admin/${userSession}`, admin)).statusCode, 404);
  t.equal((await get('/user/me', user)).statusCode, 200);
});

t.test('areas with one namespace share their sessions', async (t) => {
  const shared = { namespace: 'shared' };
  const { app } = await twoAreas(t, shared, shared);
  const cookie = await signIn(app, '/admin/enter');
  t.equal((await app.inject({ url: '/user/me', headers: { cookie } })).body, 'shared');
});

t.test('a scope inside one with the plugin can register it again; one scope cannot', async (t) => {
  const app = newApp(t);
  await app.register(sessions);
  addSignIn(app);
  app.get('/me', { onRequest: requireSession }, async () => 'user');
  app.register(
    async (admin) => {
      await admin.register(sessions, { cookie: { name: 'admin' }, freshSeconds: 60 });
      addSignIn(admin);
      admin.get('/me', { onRequest: requireSession }, async (request) => request.session.namespace);
      t.equal(admin.sessionCookieName, 'admin');
      t.not(admin.sessionStore, app.sessionStore);
    },
    { prefix: '/admin' },
  );
  await app.ready();
  t.equal(app.sessionCookieName, 'session_token');
  const [user, admin] = [await signIn(app), await signIn(app, '/admin/enter', 'admin')];
  t.equal((await app.inject({ url: '/me', headers: { cookie: user } })).body, 'user');
  t.equal((await app.inject({ url: '/admin/me', headers: { cookie: admin } })).body, 'admin');
  t.equal((await app.inject({ url: '/admin/me', headers: { cookie: user } })).statusCode, 401);
  const twice = newApp(t);
  await twice.register(sessions);
  await t.rejects(async () => twice.register(sessions), { message: /registered already in this scope/ });
});

t.test('a guard may be awaited, also one whose refusal is known at once', async (t) => {
  const app = newApp(t);
  await app.register(sessions);
  const answer = (guard: SessionGuard) => (request: FastifyRequest, reply: FastifyReply) =>
    guard(request, reply).then(
      () => 'accepted',
      (error) => error.code,
    );
  app.get('/required', answer(requireSession));
  app.get('/optional', answer(optionalSession));
  t.equal((await app.inject('/required')).body, 'NOT_SIGNED_IN');
  t.equal((await app.inject('/optional')).body, 'accepted');
});
