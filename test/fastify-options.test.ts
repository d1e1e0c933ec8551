import Fastify from 'fastify';
import t from 'tap';
import { parseConfig } from '../src/config.ts';
import { fastifyOptions } from '../src/fastify-options.ts';
import { exchange } from './helpers/server-process.ts';

t.test('a client has ten seconds to send its request, and 16 KiB for it', async (t) => {
  const options = fastifyOptions(parseConfig({}));
  t.match(options, { requestTimeout: 10_000, bodyLimit: 16_384 });
  const app = Fastify(options);
  t.teardown(() => app.close());
  t.match(app.server, { requestTimeout: 10_000, headersTimeout: 10_000 });
});

t.test('a request that does not come to its end in time is 408 soon after', async (t) => {
  const { http, ...options } = fastifyOptions(parseConfig({ LOG_LEVEL: 'silent' })) as { http: object };
  // The same settings, shorter: it waits for real.
  const app = Fastify({
    ...options,
    requestTimeout: 200,
    http: { ...http, requestTimeout: 200, headersTimeout: 200 },
  });
  t.teardown(() => app.close());
  app.post('/', async () => 'done');
  const port = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
  const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n';
  for (const bytes of ['', head, `${head}\r\nab`]) {
    const startedAt = performance.now();
    t.match(await exchange(port, bytes), /^HTTP\/1.1 408 .*"code":"REQUEST_TIMEOUT"/s);
    t.ok(performance.now() - startedAt < 20_000, 'not the half minute of Node');
  }
});
