import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import Fastify, { type FastifyBaseLogger } from 'fastify';
import { MemorySessionStore, type Session, type SessionStore, sessions } from 'session-cookie-login';
import { closeStores, openLmdb, type Stores } from 'session-cookie-login/lmdb';
import { login, type MemoryUserStore, type UserStore } from 'session-cookie-login/login';
import { openRedis } from 'session-cookie-login/redis';
import { fastifyOptions, openStores, parseConfig, service } from 'session-cookie-login/service';
import { expect, test } from 'tstyche';

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
