import Fastify, { type FastifyBaseLogger } from 'fastify';
import t from 'tap';
import { RequestLogger } from '../src/request-logger.ts';

/** An app's log that keeps what it is told, and how often it had to make a child. */
function parent() {
  const lines: unknown[][] = [];
  const children: unknown[][] = [];
  const write =
    (level: string) =>
    (...line: unknown[]) =>
      void lines.push([level, ...line]);
  const log = {
    level: 'info',
    ...Object.fromEntries(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map((level) => [level, write(level)]),
    ),
    child: (...args: unknown[]) => {
      children.push(args);
      return log;
    },
  } as unknown as FastifyBaseLogger;
  return { log, lines, children };
}

t.test(
  'nothing is made for a request that logs nothing, and one child for all lines of one that does',
  async (t) => {
    const { log, lines, children } = parent();
    const request = new RequestLogger(log, { reqId: 'req-1' }, {});
    t.equal(children.length, 0);
    for (const level of ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const) {
      request[level]({ level }, 'a line');
    }
    t.same(children, [[{ reqId: 'req-1' }, {}]]);
    t.same(
      lines,
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map((level) => [
        level,
        { level },
        'a line',
      ]),
    );
  },
);

t.test('its level and its children are those of the child', async (t) => {
  const { log, children } = parent();
  const request = new RequestLogger(log, { reqId: 'req-1' }, {});
  t.equal(request.level, 'info');
  request.level = 'debug';
  t.equal(log.level, 'debug');
  t.equal(request.child({ part: 'x' }), log);
  t.same(children, [[{ reqId: 'req-1' }, {}], [{ part: 'x' }]]);
});

t.test('the lines of a request carry its id, as those of Fastify itself do', async (t) => {
  const written: string[] = [];
  const app = Fastify({
    logger: { stream: { write: (line: string) => void written.push(line) } },
    disableRequestLogging: true,
    genReqId: () => 'the id',
    childLoggerFactory: (log, bindings, options) => new RequestLogger(log, bindings, options),
  });
  t.teardown(() => app.close());
  app.get('/', async (request) => {
    request.log.info({ some: 'thing' }, 'a line');
    return 'ok';
  });
  await app.inject('/');
  t.match(JSON.parse(written[0] ?? ''), { reqId: 'the id', some: 'thing', msg: 'a line' });
});
