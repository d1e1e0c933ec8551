import Fastify from 'fastify';
import t from 'tap';
import { addVary } from '../../src/http/vary.ts';

t.test('a header is added to those that the reply has, once', async (t) => {
  const cases = [
    [undefined, 'Accept', 'Accept'],
    ['Origin', 'Accept', 'Origin, Accept'],
    [['Origin', 'Cookie'], 'Accept', 'Origin, Cookie, Accept'],
    ['accept-encoding', 'Accept', 'accept-encoding, Accept'],
    ['Origin , accept', 'Accept', 'Origin , accept'],
  ] as const;
  for (const [before, header, after] of cases) {
    const app = Fastify();
    app.get('/', async (_request, reply) => {
      if (before !== undefined) {
        reply.header('vary', before);
      }
      addVary(reply, header);
      return '';
    });
    t.equal((await app.inject('/')).headers.vary, after);
  }
});
