import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import Fastify, { type FastifyBaseLogger } from 'fastify';
import {
  MemorySessionStore,
  optionalSession,
  requireRecentSignIn,
  requireSession,
  type Session,
  type SessionStore,
  sessions,
} from 'session-cookie-login';
import { closeStores, openLmdb, type Stores } from 'session-cookie-login/lmdb';
import { login, type MemoryUserStore, type UserStore } from 'session-cookie-login/login';
import { openRedis } from 'session-cookie-login/redis';
import { fastifyOptions, openStores, parseConfig, service } from 'session-cookie-login/service';
import { expect, test } from 'tstyche';

// The types of the built package. One file: for each file, tstyche checks the whole program again.

declare module 'session-cookie-login' {
  interface SessionData {
    cart?: string[];
  }
}

interface Logger extends FastifyBaseLogger {
  audit(message: string): void;
}

/** One app of each kind whose types differ. */
const apps = {
  http: Fastify(),
  http2: Fastify({ http2: true }),
  logger: Fastify({ loggerInstance: {} as Logger }),
  typeProvider: Fastify().withTypeProvider<TypeBoxTypeProvider>(),
};

const app = Fastify();

test('requests have a session and what its user can do with sessions', () => {
  app.get('/', async (request) => {
    expect(request.session).type.toBe<Session>();
    expect(request.session.username).type.toBe<string>();
    expect(request.session).type.not.toHaveProperty('token');
    expect(request.session).type.not.toHaveProperty('secretHash');
    expect(request.listSessions()).type.toBe<Promise<Session[]>>();
    expect(request.revokeSession('id')).type.toBe<Promise<void>>();
    expect(request.revokeOtherSessions()).type.toBe<Promise<number>>();
    expect(request.onSessionEnd(() => {})).type.toBe<() => void>();
  });
});

test('an app declares the data of its sessions', () => {
  app.get('/', async (request, reply) => {
    expect(request.session.data.cart).type.toBe<string[] | undefined>();
    expect(request.updateSession((data) => ({ ...data, cart: ['tea'] }))).type.toBe<Promise<Session>>();
    // @ts-expect-error Type 'number' is not assignable to type 'string[]'.
    request.updateSession((data) => ({ ...data, cart: 1 }));
    // @ts-expect-error Cannot assign to 'cart' because it is a read-only property.
    request.session.data.cart = [];
    reply.startSession({ userId: '1', username: 'ann', data: { cart: [] } });
    // @ts-expect-error Argument of type 'string' is not assignable to parameter of type 'NewSession'.
    reply.startSession('ann');
  });
});

test('replies start, refresh and end a session', () => {
  app.post('/', async (_request, reply) => {
    expect(reply.refreshSession()).type.toBe<Promise<Session>>();
    expect(reply.signOut()).type.toBe<Promise<void>>();
    expect(reply.signIn({ username: 'ann', password: 'x' })).type.toBe<Promise<Session>>();
  });
});

test('the fields of a session cannot be assigned', () => {
  app.get('/', async (request) => {
    // @ts-expect-error Cannot assign to 'session' because it is a read-only property.
    request.session = null;
    // @ts-expect-error Cannot assign to 'username' because it is a read-only property.
    request.session.username = 'eve';
  });
});

test('the options of the plugins are checked', () => {
  app.register(sessions, { store: new MemorySessionStore(), idleSeconds: 900 });
  // @ts-expect-error No overload matches this call.
  app.register(sessions, { idleSeconds: '900' });
  // @ts-expect-error No overload matches this call.
  app.register(login, { passwordMinLength: true });
  expect<MemorySessionStore>().type.toBeAssignableTo<SessionStore>();
  expect<MemoryUserStore>().type.toBeAssignableTo<UserStore>();
});

test('every engine gives the same stores', () => {
  expect(openLmdb('./data')).type.toBe<Promise<Stores>>();
  expect(openRedis('redis://localhost', { keyPrefix: 'a:' })).type.toBe<Promise<Stores>>();
  expect(openStores('memory:')).type.toBe<Promise<Stores>>();
  expect(closeStores).type.toBeCallableWith({} as Stores);
});

test('the service is a plugin', () => {
  const config = parseConfig({});
  Fastify(fastifyOptions(config)).register(service, { config });
});

test('handlers of apps with a type provider or another logger see the session', () => {
  const typed = Fastify().withTypeProvider<TypeBoxTypeProvider>();
  typed.register(sessions);
  typed.post('/', { schema: { body: Type.Object({ note: Type.String() }) } }, async (request) => {
    expect(request.body.note).type.toBe<string>();
    expect(request.session.username).type.toBe<string>();
  });
  const logged = Fastify({ loggerInstance: {} as FastifyBaseLogger });
  logged.register(sessions);
  logged.get('/', async (request) => expect(request.session.username).type.toBe<string>());
  const http2 = Fastify({ http2: true });
  http2.register(sessions);
  http2.get('/', async (request) => expect(request.session.username).type.toBe<string>());
});

test('the guards are hooks of every stage of a route, and of a scope, in every kind of app', () => {
  for (const guard of [requireSession, requireRecentSignIn, optionalSession]) {
    const hooks = { onRequest: guard, preParsing: guard, preValidation: guard, preHandler: [guard] };
    apps.http.get('/', hooks, async (request) => request.session.username);
    apps.http2.get('/', hooks, async (request) => request.session.username);
    apps.logger.get('/', hooks, async (request) => request.session.username);
    apps.typeProvider.get('/', hooks, async (request) => request.session.username);
    apps.http.addHook('onRequest', guard);
    apps.http2.addHook('preHandler', guard);
    apps.logger.addHook('preValidation', guard);
    apps.typeProvider.addHook('preParsing', guard);
  }
});

test('a handler can await a guard', () => {
  apps.http.get('/', async (request, reply) => {
    expect(requireSession(request, reply)).type.toBe<Promise<void>>();
    expect(request.sessionOrNull).type.toBe<Session | null>();
  });
  apps.http2.get('/', async (request, reply) => requireSession(request, reply));
  apps.logger.get('/', async (request, reply) => requireSession(request, reply));
  apps.typeProvider.get('/', async (request, reply) => requireSession(request, reply));
});

test('a guard is passed, not called', () => {
  expect(requireSession).type.not.toBeCallableWith();
});
