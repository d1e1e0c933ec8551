import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, { type FastifyBaseLogger } from 'fastify';
import { optionalSession, requireRecentSignIn, requireSession, type Session } from 'session-cookie-login';
import { expect, test } from 'tstyche';

interface Logger extends FastifyBaseLogger {
  audit(message: string): void;
}

const apps = {
  http: Fastify(),
  http2: Fastify({ http2: true }),
  logger: Fastify({ loggerInstance: {} as Logger }),
  typeProvider: Fastify().withTypeProvider<TypeBoxTypeProvider>(),
};

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
