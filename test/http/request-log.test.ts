import Fastify, { type FastifyBaseLogger } from 'fastify';
import { pino } from 'pino';
import t from 'tap';
import { service } from '../../src/app.ts';
import { parseConfig } from '../../src/config.ts';
import { fastifyOptions } from '../../src/fastify-options.ts';

const config = parseConfig({ LOG_LEVEL: 'info', DEMO_USERS: 'on', TRUST_PROXY: 'loopback' });
const headers = { 'x-request-id': 'from-the-proxy' };

/** A logger that keeps its lines. */
function keepingLog(level = 'info') {
  const lines: { level: number; msg: string; reqId?: string; part?: string }[] = [];
  return { lines, log: pino({ level }, { write: (line) => lines.push(JSON.parse(line)) }) };
}

t.test('request.log of a route has the id of the request, and the methods of a logger', async (t) => {
  const { lines, log } = keepingLog('trace');
  const app = Fastify(fastifyOptions(config));
  t.teardown(() => app.close());
  app.log = log;
  app.get('/log', async (request) => {
    for (const level of ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const) {
      request.log[level]({ part: 'own' }, 'a line of %s', level);
    }
    request.log.child({ part: 'child' }).info('a line of a child');
    const before = request.log.level;
    request.log.level = 'error';
    request.log.warn('a line below the level');
    return [before, request.log.level, app.log.level];
  });
  t.same((await app.inject({ url: '/log', headers })).json(), ['trace', 'error', 'trace']);
  const own = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'];
  t.match(lines, [
    ...own.map((level) => ({ msg: `a line of ${level}`, part: 'own', level: log.levels.values[level] })),
    { msg: 'a line of a child', part: 'child', level: 30 },
  ]);
  t.equal(lines.length, 7);
  t.same([...new Set(lines.map(({ reqId }) => reqId))], ['from-the-proxy']);
});

t.test('the log level of a route holds for its lines', async (t) => {
  const { lines, log } = keepingLog();
  const app = Fastify(fastifyOptions(config));
  t.teardown(() => app.close());
  app.log = log;
  app.get('/quiet', { logLevel: 'error' }, async (request) => request.log.info('not written'));
  app.get('/loud', async (request) => request.log.info('written'));
  await app.inject('/quiet');
  await app.inject('/loud');
  t.match(lines, [{ msg: 'written' }]);
  t.equal(lines.length, 1);
});

t.test('nothing listens for the end of a reply, except at debug level', async (t) => {
  const listenersOf = async (level: string) => {
    const app = Fastify(fastifyOptions(config));
    t.teardown(() => app.close());
    app.log = keepingLog(level).log;
    await app.register(service, { config });
    app.get('/listeners', async (_request, reply) => reply.raw.listenerCount('finish'));
    return (await app.inject('/listeners')).json();
  };
  const bare = Fastify();
  bare.get('/listeners', async (_request, reply) => reply.raw.listenerCount('finish'));
  const ofBare = (await bare.inject('/listeners')).json();
  t.equal(await listenersOf('info'), ofBare);
  t.equal(await listenersOf('debug'), ofBare + 1);
});

t.test('a logger that the app was created with is used', async (t) => {
  const { lines, log } = keepingLog();
  const app = Fastify({ ...fastifyOptions(config), loggerInstance: log as FastifyBaseLogger });
  t.teardown(() => app.close());
  await app.register(service, { config });
  await app.inject({ method: 'POST', url: '/signin', payload: { username: 'user1', password: 'wrong' }, headers });
  t.match(lines, [{ msg: /^DEMO USERS/ }, { msg: 'sign-in refused', reqId: 'from-the-proxy' }]);
});

t.test('a log without serializers of its own gets no cookie and no body', async (t) => {
  const text: string[] = [];
  const app = Fastify(fastifyOptions(config));
  t.teardown(() => app.close());
  app.log = pino({ level: 'debug' }, { write: (line) => text.push(line) });
  await app.register(service, { config });
  app.get('/objects', async (request, reply) => request.log.info({ req: request, res: reply }, 'objects'));
  await app.inject({ url: '/objects', headers: { cookie: 'session_token=secret' } });
  await app.inject({ method: 'POST', url: '/signin', payload: { username: 'user1', password: 'secret' } });
  t.match(
    text.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'objects' || msg === 'request'),
    [
      { msg: 'objects', req: { method: 'GET', route: '/objects' }, res: { statusCode: 200 } },
      { msg: 'request', req: { method: 'GET', route: '/objects' }, res: { statusCode: 200 } },
      { msg: 'request', req: { method: 'POST', route: '/signin' }, res: { statusCode: 401 } },
    ],
  );
  t.notMatch(text.join(''), 'secret');
});

t.test('a service in a scope gives the whole app its log', async (t) => {
  const app = Fastify(fastifyOptions(parseConfig({ LOG_LEVEL: 'silent', DEMO_USERS: 'on' })));
  t.teardown(() => app.close());
  await app.register(async (scope) => {
    await scope.register(service, { config: parseConfig({ LOG_LEVEL: 'silent', DEMO_USERS: 'on' }) });
    t.equal(scope.log, app.log);
  });
  t.equal(app.log.level, 'silent');
});
